"""Looking at mirror images too, and averaging what they say."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from omentum.infer.profiles import AXES


def mirrored(
    predict: Callable[[Tensor], Tensor], flips: Sequence[str], partners: Sequence[int | None]
) -> Callable[[Tensor], Tensor]:
    """A predictor that averages the logits of a window and of its mirror images, turned back.

    Args:
        predict: Windows (B, 1, x, y, z) -> logits (B, K, x, y, z). The first axis runs from one side of the body to the
            other.
        flips: Axes of "xyz"; every combination of them is one mirror image.
        partners: For each class the channel of its pair on the other side of the body (of itself where it has no side):
            in a body mirrored along x the right kidney looks like a left one. None where the network does not know the
            pair: images mirrored along x then say nothing of the class, and the others alone are averaged.
    """
    images = [axes for n in range(1, len(flips) + 1) for axes in itertools.combinations(flips, n)]
    swapped = [k if partner is None else partner for k, partner in enumerate(partners)]
    alone = [k for k, partner in enumerate(partners) if partner is None]
    seen_by_all, seen_by_alone = 1 + len(images), 1 + sum("x" not in axes for axes in images)

    def averaged(windows: Tensor) -> Tensor:
        logits = predict(windows)
        for axes in images:
            dims = [2 + AXES.index(axis) for axis in axes]
            seen = predict(windows.flip(dims)).flip(dims)
            if "x" in axes:
                seen = seen[:, swapped]
                seen[:, alone] = 0
            logits = logits + seen
        counts = torch.full((logits.shape[1],), float(seen_by_all), dtype=logits.dtype, device=logits.device)
        counts[alone] = float(seen_by_alone)
        return logits / counts.view(-1, 1, 1, 1)

    return averaged if images else predict
