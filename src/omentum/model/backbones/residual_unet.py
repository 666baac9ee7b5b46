"""A compact residual-encoder U-Net whose finest level works at half resolution.

The patch is re-shaped from full resolution to eight times the channels at half (space to depth), so the costly layers
see an eighth of the voxels; a last 1x1x1 layer draws the features of the eight voxels that each position stands for
(sub-pixel convolution: Shi et al., CVPR 2016, in 3D). Most of the work is done where a processor does it best: with
64 and more channels at a quarter of the resolution and below.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from omentum.model.backbones.residual_blocks import SLOPE, BasicBlock, ResidualBlock, UpBlock
from omentum.model.universal import Backbone

FOLD = 2
"""Factor between the input's resolution and the finest level's."""


class ResidualUNet(Backbone):
    """Backbone with `deep_channels` at 1/16 resolution (for four levels) and `decoded_channels` at full resolution.

    Args:
        widths: Channels per level, finest first; of the finest level this is the decoder's width.
        stem: Channels of the finest level's encoder.
        blocks: Residual blocks per encoder level below the finest.
        decoded_channels: Channels of the full-resolution feature.
        close_up: A second copy of the input, stretched between these two values (and cut beyond), is seen beside the
            first: a wide HU window tells lung from air and bone from contrast, the close-up tells soft tissues apart.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 192),
        stem: int = 16,
        blocks: int = 2,
        decoded_channels: int = 8,
        close_up: Sequence[float] = (0.421875, 0.6171875),
    ) -> None:
        super().__init__()
        self.close_up = (float(close_up[0]), float(close_up[1]))
        self.deep_channels = widths[-1]
        self.decoded_channels = decoded_channels
        self.coarse_channels = tuple(reversed(widths[:-1]))
        self.divisor = FOLD * 2 ** (len(widths) - 1)
        self.stem = BasicBlock(2 * FOLD**3, stem)
        self.down = nn.ModuleList(
            nn.Sequential(
                ResidualBlock(above, width, stride=2),
                *(ResidualBlock(width, width) for _ in range(blocks - 1)),
            )
            for above, width in zip([stem, *widths[1:-1]], widths[1:], strict=True)
        )
        self.up = nn.ModuleList(UpBlock(below, width) for width, below in reversed(list(pairwise(widths[1:]))))
        self.last_up = nn.ConvTranspose3d(widths[1], widths[0], 2, 2)
        self.last = nn.Sequential(
            nn.Conv3d(widths[0] + stem, widths[0], 3, padding=1, bias=False),
            nn.InstanceNorm3d(widths[0], affine=True),
            nn.LeakyReLU(SLOPE),
        )
        self.expand = nn.Conv3d(widths[0], decoded_channels * FOLD**3, 1)

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """See `Backbone.stages`."""
        low, high = self.close_up
        close = ((x - low) / (high - low)).clamp(0, 1)
        y = self.stem(space_to_depth(torch.cat([close, x], 1) * 2 - 1))
        skips = [y]
        for level in self.down:
            y = level(y)
            skips.append(y)
        deep, coarse = y, []
        for level, skip in zip(self.up, reversed(skips[1:-1]), strict=True):
            y = level(y, skip)
            coarse.append(y)
        y = self.last(torch.cat([self.last_up(y), skips[0]], 1))
        coarse.append(y)
        return cast(Tensor, deep), depth_to_space(self.expand(y)), tuple(coarse)


def space_to_depth(x: Tensor) -> Tensor:
    """[B, C, X, Y, Z] -> [B, 8C, X/2, Y/2, Z/2] without losing a number."""
    b, c, i, j, k = x.shape
    blocks = x.reshape(b, c, i // FOLD, FOLD, j // FOLD, FOLD, k // FOLD, FOLD)
    return blocks.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(b, c * FOLD**3, i // FOLD, j // FOLD, k // FOLD)


def depth_to_space(x: Tensor) -> Tensor:
    """The inverse of `space_to_depth`."""
    b, c, i, j, k = x.shape
    blocks = x.reshape(b, c // FOLD**3, FOLD, FOLD, FOLD, i, j, k).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return blocks.reshape(b, c // FOLD**3, i * FOLD, j * FOLD, k * FOLD)
