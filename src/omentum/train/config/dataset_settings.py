"""Settings that apply to single datasets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from omentum.data.sampling.augmentation import Augmentation
from omentum.errors import UsageError


@dataclass(frozen=True)
class DatasetConfig:
    """Settings of one dataset; an empty value means the global setting.

    Args:
        centres: See `TrainConfig.centres`.
        magnify: See `Augmentation.magnify`.

    Raises:
        UsageError: A value is invalid.
    """

    centres: tuple[float, ...] = ()
    magnify: tuple[float, float, float] | tuple[()] = ()

    def __post_init__(self) -> None:
        check_centres(self.centres)
        if self.magnify:
            Augmentation(magnify=self.magnify)  # which validates its arguments


def check_centres(centres: Sequence[float]) -> None:
    """Check a ratio of background : labelled or background : organs : lesions; it may be empty.

    Raises:
        UsageError: The ratio is invalid.
    """
    numbers = all(isinstance(n, int | float) and math.isfinite(n) and n >= 0 for n in centres)
    if len(centres) not in (0, 2, 3) or not numbers or (centres and not any(centres)):
        raise UsageError(
            f"centres takes two or three numbers from 0 on, got {list(centres)!r}",
            remedy="[1, 2] is background : labelled, [1, 1, 5] is background : organs : lesions",
        )
