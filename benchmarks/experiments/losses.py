"""The published training code's Dice, for comparison with the package's loss."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from omentum.train.losses.loss import partial_label_loss

Loss = Callable[..., tuple[Tensor, Tensor, Tensor]]
"""As `partial_label_loss`."""


def slab_loss(slabs: int) -> Loss:
    """The package's loss with the Dice part of the published code (until 2024).

    That Dice took one number for each sagittal slab of the patch and averaged them, over all annotated classes. In a
    slab without the structure it is 1 whatever is predicted, so a perfect prediction of a small organ costs nearly 1.

    Args:
        slabs: Sagittal slabs among the voxels V, which must be in x, y, z order.
    """

    def loss(
        logits: Tensor, targets: Tensor, annotated: Tensor, positive_weight: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        _, cross_entropy, nothing = partial_label_loss(logits, targets, annotated, positive_weight)
        pairs = annotated.nonzero(as_tuple=True)
        if len(pairs[0]) == 0:
            return nothing, nothing, nothing
        dice = slab_dice(logits[pairs].float(), targets[pairs].float(), slabs)
        return cross_entropy + dice, cross_entropy, dice

    return loss


def slab_dice(z: Tensor, t: Tensor, slabs: int) -> Tensor:
    """Mean over classes and slabs of 1 - 2 |p t| / (|p| + |t| + 1); logits and targets float32 [N, V]."""
    p, t = (x.unflatten(1, (slabs, -1)) for x in (torch.sigmoid(z), t))
    return (1 - 2 * (p * t).sum(2) / (p.sum(2) + t.sum(2) + 1)).mean()
