"""Volumes and mean HU in the form of TotalSegmentator's statistics.json, for software that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omentum.anatomy.totalsegmentator import TOTALSEGMENTATOR_NAMES
from omentum.measure.measures import StructureMeasure


def statistics_json(measures: Sequence[StructureMeasure]) -> dict[str, Any]:
    """Name -> volume (mm3) and intensity (mean HU); both 0 where there is nothing, as in TotalSegmentator's own.

    Its names where it has them, our keys elsewhere. What the image cuts is counted as far as it is seen, where
    TotalSegmentator says 0 by default; measurements.json tells which these are. Our organs hold their lesions.
    """
    return {TOTALSEGMENTATOR_NAMES.get(m.key, m.key): _statistics(m) for m in measures}


def _statistics(m: StructureMeasure) -> dict[str, float]:
    return {"volume": round(1000 * m.volume_ml, 3), "intensity": round(m.mean_hu or 0.0, 5)}
