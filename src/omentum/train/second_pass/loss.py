"""Loss of a second pass on one crop: only annotated classes, only near the organ."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

CROSS_ENTROPY_WEIGHT = 4.0
"""Relative to the Dice loss; a mean over voxels, nearly all of which are easy, is small."""
SMOOTH_VOXELS = 1.0
"""Added to numerator and denominator of Dice, so that a structure of a few voxels is not all or nothing."""
LEAST_VOXELS = 2
"""A class with fewer voxels in a crop has no Dice loss there."""
RAREST = 1e-5
"""Share of positive voxels below which the weight of a positive one grows no further."""


@dataclass(frozen=True, eq=False)
class CropLoss:
    """Loss of the logits of one crop.

    Args:
        cross_entropy: Mean over classes and voxels, positive voxels weighted.
        dice_loss: 1 - soft Dice of each class, [K].
        present: Classes with enough voxels for a Dice loss, bool [K].
    """

    cross_entropy: Tensor
    dice_loss: Tensor
    present: Tensor

    @property
    def mean_dice_loss(self) -> Tensor:
        """Mean over the classes that are present; 0 if none is."""
        return (self.dice_loss * self.present).sum() / self.present.sum().clamp_min(1)

    @property
    def total(self) -> Tensor:
        """What is minimised."""
        return CROSS_ENTROPY_WEIGHT * self.cross_entropy + self.mean_dice_loss


def crop_loss(logits: Tensor, truth: Tensor, near: Tensor, positive_weight_cap: float) -> CropLoss:
    """Cross-entropy and soft Dice of the annotated classes of a crop.

    A positive voxel counts as the root of how rare it is in the crop, at most `positive_weight_cap`: without that a
    lesion of a few voxels is not worth finding, and at 1 probabilities are those of the voxels.

    Args:
        logits: [K, x, y, z], of the annotated classes only.
        truth: Bool [K, x, y, z].
        near: Bool [x, y, z]; voxels elsewhere have no loss.
        positive_weight_cap: 1 or more.
    """
    z, y = logits[:, near].float(), truth[:, near].float()
    voxels = max(1, z.shape[1])
    weight = (voxels / y.sum(1).clamp_min(RAREST * voxels)).sqrt().clamp(1, positive_weight_cap)[:, None]
    entropy = F.binary_cross_entropy_with_logits(z, y, pos_weight=weight, reduction="none").sum(1) / voxels
    p = torch.sigmoid(z)
    dice = (2 * (p * y).sum(1) + SMOOTH_VOXELS) / (p.sum(1) + y.sum(1) + SMOOTH_VOXELS)
    return CropLoss(entropy.mean(), 1 - dice, y.sum(1) >= LEAST_VOXELS)
