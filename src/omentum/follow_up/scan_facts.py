"""Facts about a result beside its masks that a comparison needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from omentum.measure.class_trust import ClassTrust
from omentum.measure.diameters import Points

NO_POINTS: Points = np.zeros((0, 3))


@dataclass(frozen=True, eq=False)
class ScanFacts:
    """Facts about one scan; by default nothing is known.

    Args:
        frame: Hash of the DICOM frame of reference; None if unknown.
        candidate_reasons: Lesion type -> reason why the weights are unreliable for it in this scan.
        candidates_mm: Centroids of individual candidate lesions, RAS+ mm, shape (n, 3).
    """

    frame: str | None = None
    candidate_reasons: Mapping[str, str] = field(default_factory=dict)
    candidates_mm: Points = field(default_factory=lambda: NO_POINTS)

    @classmethod
    def of_result(cls, manifest: Mapping[str, Any], measurements: Mapping[str, Any]) -> ScanFacts:
        """Read from the JSON files of `omentum segment`; either may be empty or of an earlier version."""
        options, described = manifest.get("options") or {}, manifest.get("input") or {}
        class_trust = ClassTrust.of_options(options)
        candidate_reasons = {
            key: reason for key in class_trust.trust if (reason := class_trust.candidate_reason(key, None))
        }
        centres = [one["centroid_mm"] for one in measurements.get("candidates") or []]
        return cls(described.get("frame_of_reference"), candidate_reasons, np.array(centres, float).reshape(-1, 3))


def same_frame(one: ScanFacts, other: ScanFacts) -> bool | None:
    """Whether two scans share a frame of reference; None if either is unknown."""
    return None if one.frame is None or other.frame is None else one.frame == other.frame
