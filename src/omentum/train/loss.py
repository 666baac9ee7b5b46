"""Masked loss: a class that was not annotated in a case gives exactly no gradient."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SMOOTH_VOXELS = 1.0
"""Added to numerator and denominator of Dice, so that a structure of a few voxels is not all or nothing."""


def partial_label_loss(
    logits: Tensor, targets: Tensor, annotated: Tensor, positive_weight: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Binary cross-entropy plus Dice, each over all voxels of the patch.

    Cross-entropy is summed over the annotated classes of a sample and averaged over samples and voxels, which puts it
    on the scale of one softmax over all classes; Dice is averaged over the structures that are there. An absent
    structure is left to cross-entropy: a Dice of 0 or 1 there asks for the *sum* of all probabilities to vanish, which
    drove every logit below -15 and the network into silence when we tried it.
    Unlike the published training code, whose Dice was averaged over sagittal slabs, Dice here is one number per class
    and patch (Liu et al., ICCV 2023, section 3.3, as written in the paper).

    Args:
        logits: [B, K, V], any float dtype; computed in float32.
        targets: bool [B, K, V].
        annotated: bool [B, K].
        positive_weight: float [K], how much more a voxel inside the structure counts in cross-entropy than one outside.

    Returns:
        Loss, its cross-entropy part and its Dice part; 0 (with a zero gradient) where nothing qualifies.
    """
    pairs = annotated.nonzero(as_tuple=True)
    nothing = logits.float().sum() * 0.0
    if len(pairs[0]) == 0:
        return nothing, nothing, nothing
    z, t = logits[pairs].float(), targets[pairs]
    present = t.any(1)
    weight = None if positive_weight is None else positive_weight[pairs[1]][:, None]
    entropies = F.binary_cross_entropy_with_logits(z, t.float(), pos_weight=weight, reduction="none")
    cross_entropy = entropies.mean(1).sum() / len(annotated)
    dice = _dice_loss(z[present], t[present].float()) if present.any() else nothing
    return cross_entropy + dice, cross_entropy, dice


def _dice_loss(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    overlap, total = (p * t).sum(1), p.sum(1) + t.sum(1)
    return (1 - (2 * overlap + SMOOTH_VOXELS) / (total + SMOOTH_VOXELS)).mean()
