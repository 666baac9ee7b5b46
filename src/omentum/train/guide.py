"""A plain classifier on the decoder's coarse feature: a short way for gradients into the backbone.

Deep supervision (Lee et al., AISTATS 2015). It is used in training only and never part of a checkpoint.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from omentum.model import UniversalModel
from omentum.model.backbones.residual_unet import FOLD, ResidualUNet

RARE = -3.0
"""First logit everywhere: most voxels belong to no structure."""


class Guide(nn.Module):
    """One linear layer per class; does nothing for a backbone without a coarse feature.

    Attributes:
        lattice: The voxels of a patch that the coarse feature's voxels begin at.
    """

    lattice = (..., slice(None, None, FOLD), slice(None, None, FOLD), slice(None, None, FOLD))

    def __init__(self, model: UniversalModel) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        if isinstance(model.backbone, ResidualUNet):
            width = model.backbone.coarse_channels
            linear = nn.Conv3d(width, len(model.spec.classes), 1)
            torch.nn.init.constant_(linear.bias, RARE)  # type: ignore[arg-type]
            self.layers = nn.Sequential(nn.GroupNorm(8, width), nn.ReLU(), linear)

    def forward(self, coarse: Tensor | None) -> Tensor | None:
        """[B, C, x, y, z] -> logits [B, K, x y z]."""
        if coarse is None:
            return None
        logits: Tensor = self.layers(coarse)
        return torch.flatten(logits, 2)
