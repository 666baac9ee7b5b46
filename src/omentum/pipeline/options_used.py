"""What was asked for, and what became of it with the weights, for the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from omentum.infer.profiles import Profile
from omentum.pipeline.options import Average, SegmentOptions
from omentum.spec import USUAL_THRESHOLD, Trust


def describe_options(
    options: SegmentOptions,
    profile: Profile,
    thresholds: Mapping[str, float],
    usual: Mapping[str, float],
    trust: Mapping[str, Trust],
    minimum_ml: Mapping[str, float],
) -> dict[str, Any]:
    """Everything that determines the result, in JSON values.

    Includes thresholds other than 0.5, known reliability, and the weights' own thresholds if lower ones are requested.

    Args:
        options: What was asked for.
        profile: With what was asked for in its place.
        thresholds: Of each class that is segmented.
        usual: Thresholds of the weights, of these classes and others.
        trust: Reliability of the weights for each class.
        minimum_ml: Smallest volumes that the weights ask for.
    """
    moved = {key: threshold for key, threshold in thresholds.items() if threshold != USUAL_THRESHOLD}
    lowered = {key: usual[key] for key, threshold in thresholds.items() if threshold < usual[key]}
    chosen: dict[str, Any] = {
        "classes": list(thresholds),
        "precision": profile.precision,
        "threshold": moved,
        "overlap": profile.overlap,
        "trust": {key: one.value for key, one in trust.items() if one is not Trust.UNKNOWN},
        "operating_points": lowered,
        "minimum_ml": dict(minimum_ml),
    }
    said = asdict(options)
    for name, default in (("average", Average.PROBABILITIES), ("series", None), ("allow_tilt", False)):
        if said[name] == default:  # as earlier versions write it
            del said[name]
    return said | chosen
