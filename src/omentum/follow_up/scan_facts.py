"""What a result says of itself beside its masks, as far as a comparison with another scan must know it."""

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
    """Of one scan; by default nothing is known.

    Args:
        frame: Which DICOM frame of reference it lies in, as a hash.
        candidate_reasons: Key of a type of lesion -> why it is not to be relied on here, found or not.
        candidates_mm: Centres of single lesions that are only candidates, RAS+ mm, shape (n, 3).
    """

    frame: str | None = None
    candidate_reasons: Mapping[str, str] = field(default_factory=dict)
    candidates_mm: Points = field(default_factory=lambda: NO_POINTS)

    @classmethod
    def of_result(cls, manifest: Mapping[str, Any], measurements: Mapping[str, Any]) -> ScanFacts:
        """From what `omentum segment` wrote, read as JSON; either may be empty, or of an earlier version."""
        options, described = manifest.get("options") or {}, manifest.get("input") or {}
        class_trust = ClassTrust.of_options(options)
        candidate_reasons = {
            key: reason for key in class_trust.trust if (reason := class_trust.candidate_reason(key, None))
        }
        centres = [one["centroid_mm"] for one in measurements.get("candidates") or []]
        return cls(described.get("frame_of_reference"), candidate_reasons, np.array(centres, float).reshape(-1, 3))


def same_frame(one: ScanFacts, other: ScanFacts) -> bool | None:
    """Whether two scans have one frame of reference; None where either does not say."""
    return None if one.frame is None or other.frame is None else one.frame == other.frame
