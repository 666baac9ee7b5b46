"""Swin UNETR (Hatamizadeh et al., 2022) from MONAI, with the patch merging the published weights were trained with."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Literal

import torch
from monai.networks.nets.swin_unetr import PatchMerging, PatchMergingV2, SwinTransformerBlock, SwinUNETR
from torch import Tensor, nn

from omentum.model.backbones.window_attention import AttentionInParts
from omentum.model.universal import Backbone

LEGACY_OFFSETS = ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 0), (0, 0, 1), (1, 1, 1))
"""Sub-grids in the order MONAI 0.9 joined them: two occur twice, 110 and 011 never (MONAI issues 4757 and 8284).

Weights trained with it load into the corrected network without a word and compute something else.
"""


class LegacyPatchMerging(PatchMergingV2):
    """Halves the resolution of [B, x, y, z, C] features by joining sub-grids in the old order; even sizes only."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, x, y, z, C] -> [B, x/2, y/2, z/2, 2C]."""
        joined = torch.cat([x[:, i::2, j::2, k::2] for i, j, k in LEGACY_OFFSETS], dim=-1)
        merged: Tensor = self.reduction(self.norm(joined))
        return merged


PATCH_MERGING: dict[str, type[PatchMergingV2]] = {"legacy": LegacyPatchMerging, "corrected": PatchMerging}


class SwinUnetr(Backbone):
    """MONAI's network without its output layer.

    Args:
        feature_size: Channels of the first level (48 as published), a multiple of 12.
        patch_merging: "legacy" for weights trained with MONAI before 1.5 (all published Universal Model, SuPreM and
            MONAI self-supervised ones), "corrected" for training from scratch.
    """

    divisor = 32

    def __init__(
        self,
        feature_size: int = 48,
        patch_merging: Literal["legacy", "corrected"] = "corrected",
    ) -> None:
        super().__init__()
        if patch_merging not in PATCH_MERGING:
            raise ValueError(f"patch_merging is one of {', '.join(PATCH_MERGING)}, got {patch_merging!r}")
        self.patch_merging = patch_merging
        self.deep_channels = 16 * feature_size
        self.decoded_channels = feature_size
        self.coarse_channels = tuple(factor * feature_size for factor in (8, 4, 2, 1))
        self.network = SwinUNETR(
            in_channels=1,
            out_channels=1,
            feature_size=feature_size,
            downsample=PATCH_MERGING[patch_merging],  # type: ignore[arg-type]  # a class, whatever MONAI's hint says
        )
        del self.network.out  # the text-driven head takes its place
        for block in self._transformers():
            block.attn = AttentionInParts.in_place_of(block.attn)

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """See `Backbone.stages`; deep features have 1/32 of the resolution."""
        net = self.network
        stem, low, middle, high, deepest = net.swinViT(x, net.normalize)
        deep = net.encoder10(deepest)
        y16 = net.decoder5(deep, high)
        y8 = net.decoder4(y16, net.encoder4(middle))
        y4 = net.decoder3(y8, net.encoder3(low))
        y2 = net.decoder2(y4, net.encoder2(stem))
        return deep, net.decoder1(y2, net.encoder1(x)), (y16, y8, y4, y2)

    def blocks(self) -> Iterator[nn.Module]:
        """The transformer's blocks one by one; the transformer as a whole would hold most of the memory at once."""
        return chain(self._transformers(), (m for m in super().blocks() if m is not self.network.swinViT))

    def _transformers(self) -> list[SwinTransformerBlock]:
        return [m for m in self.network.swinViT.modules() if isinstance(m, SwinTransformerBlock)]
