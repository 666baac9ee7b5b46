"""Blocks of the compact U-Net: those of MONAI's DynUNet for one kernel and one norm, parameter names included.

Written out because importing MONAI takes longer than the bundled model needs for a CT; a test compares the two.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

SLOPE = 0.01
"""Of the leaky ReLU."""


class _Conv(nn.Sequential):
    """A convolution without bias, under the name it has in MONAI."""

    def __init__(self, below: int, width: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.add_module("conv", nn.Conv3d(below, width, kernel, stride, padding=kernel // 2, bias=False))


class BasicBlock(nn.Module):
    """Twice: convolution 3x3x3, instance norm, leaky ReLU.

    Args:
        below, width: Channels that come in and go out.
        stride: Of the first convolution.
    """

    def __init__(self, below: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = _Conv(below, width, 3, stride)
        self.conv2 = _Conv(width, width, 3, 1)
        self.lrelu = nn.LeakyReLU(SLOPE, inplace=True)
        self.norm1 = nn.InstanceNorm3d(width, affine=True)
        self.norm2 = nn.InstanceNorm3d(width, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """[B, below, X, Y, Z] -> [B, width, X / stride, Y / stride, Z / stride]."""
        y = self.lrelu(self.norm1(self.conv1(x)))
        return cast(Tensor, self.lrelu(self.norm2(self.conv2(y))))


class ResidualBlock(BasicBlock):
    """As `BasicBlock`, with what came in added before the last leaky ReLU, projected where its shape differs."""

    def __init__(self, below: int, width: int, stride: int = 1) -> None:
        super().__init__(below, width, stride)
        self.projects = stride != 1 or below != width
        if self.projects:
            self.conv3 = _Conv(below, width, 1, stride)
            self.norm3 = nn.InstanceNorm3d(width, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """See `BasicBlock`."""
        y = self.lrelu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return cast(Tensor, self.lrelu(y + (self.norm3(self.conv3(x)) if self.projects else x)))


class UpBlock(nn.Module):
    """To twice the resolution, and a `BasicBlock` over it and the encoder's features.

    Args:
        below, width: Channels that come in and go out; the encoder's features have as many as go out.
    """

    def __init__(self, below: int, width: int) -> None:
        super().__init__()
        self.transp_conv = nn.Sequential()
        self.transp_conv.add_module("conv", nn.ConvTranspose3d(below, width, 2, 2, bias=False))
        self.conv_block = BasicBlock(2 * width, width)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """[B, below, X, Y, Z] and [B, width, 2X, 2Y, 2Z] -> [B, width, 2X, 2Y, 2Z]."""
        return cast(Tensor, self.conv_block(torch.cat([self.transp_conv(x), skip], dim=1)))
