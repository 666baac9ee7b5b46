"""The 3D U-Net of Models Genesis (Zhou et al., MedIA 2021), one of the two published backbones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from omentum.model.universal import Backbone

EPSILON = 1e-5
"""Added to the variance; the published value."""


class UNet(Backbone):
    """Four levels of two 3x3x3 convolutions, max-pooling down, transposed convolutions up.

    Published weights were trained and are run with batch normalisation that always uses the statistics of the
    current batch, one window a batch. That is instance normalisation, and here it is written as such: running
    statistics do not exist, and windows that share a batch do not see each other.

    Args:
        width: Channels of the first level after its second convolution (64 as published); they double per level.
    """

    divisor = 8

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(f"width must be even, got {width}")
        self.deep_channels = 8 * width
        self.decoded_channels = width
        self.coarse_channels = (4 * width, 2 * width)
        self.down = nn.ModuleList(
            [
                _convolutions(1, width // 2, width),
                _convolutions(width, width, 2 * width),
                _convolutions(2 * width, 2 * width, 4 * width),
                _convolutions(4 * width, 4 * width, 8 * width),
            ]
        )
        self.up = nn.ModuleList(_UpStep(width * factor) for factor in (8, 4, 2))

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """See `Backbone.stages`; deep features have 1/8 of the resolution."""
        skips: list[Tensor] = []
        for level, step in enumerate(self.down):
            x = step(x if level == 0 else nn.functional.max_pool3d(x, 2))
            skips.append(x)
        deep = y = skips.pop()
        decoder: list[Tensor] = []
        for step in self.up:
            y = step(y, skips.pop())
            decoder.append(y)
        return deep, decoder.pop(), tuple(decoder)


class _UpStep(nn.Module):
    """Doubles the resolution, joins the encoder's features of that level, convolves twice."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose3d(channels, channels, kernel_size=2, stride=2)
        self.convolutions = _convolutions(channels + channels // 2, channels // 2, channels // 2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        joined: Tensor = self.convolutions(torch.cat([self.upsample(x), skip], dim=1))
        return joined


def _convolutions(inputs: int, middle: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(*_convolution(inputs, middle), *_convolution(middle, outputs))


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Conv3d(inputs, outputs, kernel_size=3, padding=1),
        nn.InstanceNorm3d(outputs, eps=EPSILON, affine=True),
        nn.ReLU(inplace=True),
    ]
