"""Volumes and mean HU in the format of TotalSegmentator's statistics.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omentum.anatomy.totalsegmentator import TOTALSEGMENTATOR_NAMES
from omentum.measure.measures import StructureMeasure


def statistics_json(measures: Sequence[StructureMeasure]) -> dict[str, Any]:
    """Name -> volume (mm³) and intensity (mean HU); both 0 for missing structures, as in TotalSegmentator.

    Names are TotalSegmentator's if it has the structure, our keys otherwise. Structures truncated by the image are
    reported with their visible part, while TotalSegmentator reports 0 by default; measurements.json marks them. Our
    organs include their lesions.
    """
    return {TOTALSEGMENTATOR_NAMES.get(m.key, m.key): _statistics(m) for m in measures}


def _statistics(m: StructureMeasure) -> dict[str, float]:
    return {"volume": round(1000 * m.volume_ml, 3), "intensity": round(m.mean_hu or 0.0, 5)}
