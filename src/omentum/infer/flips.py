"""Looking at mirror images too, and averaging what they say."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from torch import Tensor

from omentum.infer.profiles import AXES


def mirrored(
    predict: Callable[[Tensor], Tensor], flips: Sequence[str], partners: Sequence[int]
) -> Callable[[Tensor], Tensor]:
    """A predictor that averages the logits of a window and of its mirror images, turned back.

    Args:
        predict: Windows (B, 1, x, y, z) -> logits (B, K, x, y, z). The first axis runs from one side of the body to the
            other.
        flips: Axes of "xyz"; every combination of them is one mirror image.
        partners: For each class the channel of its pair on the other side of the body (of itself where it has none): in
            a body mirrored along x the right kidney looks like a left one.
    """
    images = [axes for n in range(1, len(flips) + 1) for axes in itertools.combinations(flips, n)]

    def averaged(windows: Tensor) -> Tensor:
        logits = predict(windows)
        for axes in images:
            dims = [2 + AXES.index(axis) for axis in axes]
            seen = predict(windows.flip(dims)).flip(dims)
            logits = logits + (seen[:, list(partners)] if "x" in axes else seen)
        return logits / (1 + len(images))

    return averaged if images else predict
