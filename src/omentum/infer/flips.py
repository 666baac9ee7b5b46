"""Test-time augmentation: the logits of a window averaged with those of its mirror images."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from omentum.infer.profiles import AXES


def flip_ensemble(
    predict: Callable[[Tensor], Tensor], flips: Sequence[str], partners: Sequence[int | None]
) -> Callable[[Tensor], Tensor]:
    """Build a predictor that averages the logits of a window and of its mirror images, flipped back.

    Args:
        predict: Windows (B, 1, x, y, z) -> logits (B, K, x, y, z). The first axis runs from left to right.
        flips: Axes of "xyz"; every combination of them gives one mirror image.
        partners: For each class, the channel of the paired class on the other side of the body (its own channel where
            it has no side): in a body mirrored along x the right kidney looks like a left one. None where the network
            does not know the pair: such a class is averaged only over images that are not mirrored along x.

    Returns:
        A predictor of the same signature; `predict` itself without flips.
    """
    images = [axes for n in range(1, len(flips) + 1) for axes in itertools.combinations(flips, n)]
    swapped = [k if partner is None else partner for k, partner in enumerate(partners)]
    unpaired = [k for k, partner in enumerate(partners) if partner is None]
    n_images, n_images_unpaired = 1 + len(images), 1 + sum("x" not in axes for axes in images)

    def averaged(windows: Tensor) -> Tensor:
        logits = predict(windows)
        for axes in images:
            dims = [2 + AXES.index(axis) for axis in axes]
            flipped_back = predict(windows.flip(dims)).flip(dims)
            if "x" in axes:
                flipped_back = flipped_back[:, swapped]
                flipped_back[:, unpaired] = 0
            logits = logits + flipped_back
        counts = torch.full((logits.shape[1],), float(n_images), dtype=logits.dtype, device=logits.device)
        counts[unpaired] = float(n_images_unpaired)
        return logits / counts.view(-1, 1, 1, 1)

    return averaged if images else predict
