"""Checks of numbers that the settings of every kind of run have in common."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from omentum.errors import UsageError

LARGEST_LOGIT = 50.0
"""A sigmoid of more is 0 or 1 to single precision, and learns nothing."""

SPACING_MM = (0.1, 50.0)
"""Between these a body is neither a point nor larger than a memory."""


def check_least(settings: Any, least: Mapping[str, float], may_be_infinite: Collection[str] = ()) -> None:
    """Check numbers against the smallest values that mean something.

    Args:
        settings: A dataclass.
        least: Setting -> smallest value.
        may_be_infinite: Settings for which infinity means something.

    Raises:
        UsageError: One is smaller, no number, or infinite.
    """
    for name, lowest in least.items():
        value = getattr(settings, name)
        if not (isinstance(value, int | float) and value >= lowest) or math.isnan(value):
            raise UsageError(f"{name} must be at least {lowest}, got {value!r}")
        if value == math.inf and name not in may_be_infinite:
            raise UsageError(f"{name} must be finite")


def check_optimisation(settings: Any, shares: Iterable[str]) -> None:
    """Check `clip_norm`, `plateau_fraction`, `first_logit`, `seed`, and settings that are shares.

    Raises:
        UsageError: One is out of range.
    """
    if not settings.clip_norm > 0:
        raise UsageError(f"clip_norm is above 0, got {settings.clip_norm}", remedy="clip_norm = inf does not limit")
    if not 0 <= settings.plateau_fraction < 1:
        raise UsageError(f"plateau_fraction is a share of the run from 0 to below 1, got {settings.plateau_fraction}")
    if not abs(settings.first_logit) <= LARGEST_LOGIT:
        raise UsageError(f"first_logit lies within +-{LARGEST_LOGIT:g}, got {settings.first_logit}")
    if settings.seed >= 2**63:
        raise UsageError(f"seed must be below 2^63, got {settings.seed}")
    for name in shares:
        if not 0 <= getattr(settings, name) <= 1:
            raise UsageError(f"{name} must lie between 0 and 1, got {getattr(settings, name)}")


def check_grid(settings: Any) -> None:
    """Check `spacing_mm`, `window_hu` and `patch`.

    Raises:
        UsageError: One is out of range.
    """
    low, high = SPACING_MM
    if not all(low <= mm <= high for mm in settings.spacing_mm):
        raise UsageError(f"spacing_mm takes millimetres from {low:g} to {high:g}, got {list(settings.spacing_mm)}")
    if not -math.inf < settings.window_hu[0] < settings.window_hu[1] < math.inf:
        remedy = "for example [-175, 250]"
        raise UsageError(f"window_hu goes from low to high HU, got {list(settings.window_hu)}", remedy=remedy)
    if min(settings.patch) < 1:
        raise UsageError(f"patch takes numbers of voxels, got {list(settings.patch)}")
