"""How far predictions of one structure agree, and where they may be wrong; pure functions on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.evaluate.metrics.overlap import dice

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PredictedView:
    """One prediction of a structure, in a part of the grid.

    Args:
        mask: Bool [i, j, k], after post-processing.
        probability: float32 [i, j, k], 0..1, before post-processing.
    """

    mask: Mask
    probability: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the views say of a proposed mask.

    Args:
        voxels: Voxels of the proposal.
        agreement: Mean Dice of all pairs of views, 0..1; None for a single view. Two empty masks agree.
        mean_entropy: Mean entropy of the mean probability in bits, 0..1, over all voxels that any view holds for the
            structure; None if there is none.
        probable_voxels: Sum of the mean probability over the proposal.
        wrong_voxels: Voxels expected to be wrong: sum of min(p, 1 - p) over the mean probability p.
        wrong_by_slice: The same for each slice along the axis.
        peak: Highest mean probability.
    """

    voxels: int
    agreement: float | None
    mean_entropy: float | None
    probable_voxels: float
    wrong_voxels: float
    wrong_by_slice: NDArray[np.float64]
    peak: float


def gather(proposal: Mask, views: Sequence[PredictedView], axis: int) -> Evidence:
    """Summarise the views of a structure.

    Args:
        proposal: Bool [i, j, k].
        views: At least one; everything outside the arrays is 0.
        axis: Array axis along which slices are counted.
    """
    p = mean_probability(views)
    wrong = np.minimum(p, 1 - p)
    held = np.logical_or.reduce([view.mask for view in views])
    across = tuple(a for a in range(3) if a != axis)
    return Evidence(
        voxels=int(np.count_nonzero(proposal)),
        agreement=agreement([view.mask for view in views]),
        mean_entropy=float(entropy_bits(p[held]).mean()) if held.any() else None,
        probable_voxels=float(p[proposal].sum(dtype=np.float64)),
        wrong_voxels=float(wrong.sum(dtype=np.float64)),
        wrong_by_slice=wrong.sum(axis=across, dtype=np.float64),
        peak=float(p.max(initial=0.0)),
    )


def mean_probability(views: Sequence[PredictedView]) -> NDArray[np.float32]:
    """Mean over the views, float32 [i, j, k]."""
    return np.asarray(sum(view.probability for view in views) / np.float32(len(views)), np.float32)


def agreement(masks: Sequence[Mask]) -> float | None:
    """Mean Dice of all pairs; None for one mask alone, 1 for two empty ones."""
    pairs = [dice(a, b) for a, b in combinations(masks, 2)]
    return sum(pairs) / len(pairs) if pairs else None


def entropy_bits(p: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Entropy of a yes/no answer with probability p, in bits; 0 where p is 0 or 1."""
    inside = (p > 0) & (p < 1)
    q = np.where(inside, p, 0.5)
    return np.where(inside, -(q * np.log2(q) + (1 - q) * np.log2(1 - q)), 0.0)


def attention(views: Sequence[PredictedView]) -> NDArray[np.float32]:
    """Entropy of the mean probability (bits) plus the standard deviation between views, float32 [i, j, k].

    The two maps that steered the annotators of AbdomenAtlas-8K (Qu et al., NeurIPS 2023, arXiv 2305.09666); there they
    are thresholded and opened, here they stay as they are, so that thin uncertain borders are not lost on coarse grids.
    """
    spread = np.std([view.probability for view in views], axis=0)
    return np.asarray(entropy_bits(mean_probability(views)) + spread, np.float32)
