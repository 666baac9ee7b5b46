"""Masked loss: a class that was not annotated in a case gives exactly no gradient."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SMOOTH_VOXELS = 1.0
"""Added to numerator and denominator of Dice: an empty target met by an empty prediction costs nothing, and every
false positive on it does, with a gradient."""


def partial_label_loss(logits: Tensor, targets: Tensor, annotated: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Binary cross-entropy plus Dice per (sample, annotated class), each over all voxels of the patch.

    Unlike the published training code, whose Dice was averaged over sagittal slabs, Dice here is one number per class
    and patch (Liu et al., ICCV 2023, section 3.3, as written in the paper).

    Args:
        logits: [B, K, V], any float dtype; computed in float32.
        targets: bool [B, K, V].
        annotated: bool [B, K].

    Returns:
        Loss, its cross-entropy part and its Dice part; 0 (with a zero gradient) if nothing is annotated.
    """
    pairs = annotated.nonzero(as_tuple=True)
    if len(pairs[0]) == 0:
        nothing = logits.float().sum() * 0.0
        return nothing, nothing, nothing
    z, t = logits[pairs].float(), targets[pairs].float()
    cross_entropy = F.binary_cross_entropy_with_logits(z, t)
    p = torch.sigmoid(z)
    overlap, total = (p * t).sum(1), p.sum(1) + t.sum(1)
    dice = (1 - (2 * overlap + SMOOTH_VOXELS) / (total + SMOOTH_VOXELS)).mean()
    return cross_entropy + dice, cross_entropy, dice
