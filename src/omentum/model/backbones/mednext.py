"""MedNeXt (Roy et al., MICCAI 2023) from MONAI: ConvNeXt blocks all the way through a U-Net."""

from __future__ import annotations

from typing import Literal

from monai.networks.nets.mednext import create_mednext
from torch import Tensor

from omentum.model.universal import Backbone

WIDTH = 32
"""Channels of the first level in every published size."""

LEVELS = 5


class MedNeXt(Backbone):
    """MONAI's network without its output layer.

    Args:
        size: One of the paper's four sizes.
        kernel_size: Of the depthwise convolutions, 3 or 5 in the paper.
    """

    divisor = 2 ** (LEVELS - 1)
    deep_channels = WIDTH * 2 ** (LEVELS - 1)
    decoded_channels = WIDTH
    coarse_channels = tuple(WIDTH * 2**level for level in range(LEVELS - 2, 0, -1))

    def __init__(self, size: Literal["S", "B", "M", "L"] = "S", kernel_size: int = 3) -> None:
        super().__init__()
        self.network = create_mednext(str(size), in_channels=1, out_channels=1, kernel_size=kernel_size)
        del self.network.out_0

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """See `Backbone.stages`; deep features have 1/16 of the resolution."""
        net = self.network
        x = net.stem(x)
        skips: list[Tensor] = []
        for stage, down in zip(net.enc_stages, net.down_blocks, strict=True):
            skips.append(stage(x))
            x = down(skips[-1])
        deep = y = net.bottleneck(x)
        decoder = []
        for up, stage in zip(net.up_blocks, net.dec_stages, strict=True):
            y = stage(up(y) + skips.pop())
            decoder.append(y)
        return deep, decoder.pop(), tuple(decoder)
