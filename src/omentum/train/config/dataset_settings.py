"""What a run does differently for single datasets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from omentum.data.sampling.augmentation import Augmentation
from omentum.errors import UsageError


@dataclass(frozen=True)
class DatasetConfig:
    """One dataset's own settings; what is empty is as for all others.

    Args:
        centres: See `TrainConfig.centres`.
        magnify: See `Augmentation.magnify`.

    Raises:
        UsageError: a value that makes no sense.
    """

    centres: tuple[float, ...] = ()
    magnify: tuple[float, float, float] | tuple[()] = ()

    def __post_init__(self) -> None:
        check_centres(self.centres)
        if self.magnify:
            Augmentation(magnify=self.magnify)  # which knows what makes sense


def check_centres(centres: Sequence[float]) -> None:
    """A ratio of background to what is labelled, or of background to organs to lesions, or nothing.

    Raises:
        UsageError: something else.
    """
    numbers = all(isinstance(n, int | float) and math.isfinite(n) and n >= 0 for n in centres)
    if len(centres) not in (0, 2, 3) or not numbers or (centres and not any(centres)):
        raise UsageError(
            f"centres takes two or three numbers from 0 on, got {list(centres)!r}",
            remedy="[1, 2] is background : labelled, [1, 1, 5] is background : organs : lesions",
        )
