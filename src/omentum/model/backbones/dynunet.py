"""nnU-Net's plan of a U-Net (Isensee et al., Nature Methods 2021) with a residual encoder, from MONAI's DynUNet."""

from __future__ import annotations

from collections.abc import Sequence

from monai.networks.nets.dynunet import DynUNet as MonaiDynUNet
from torch import Tensor

from omentum.model.universal import Backbone

LEAST_LEVELS = 3
"""MONAI's network has an input block, a bottleneck and at least one level between."""


class DynUNet(Backbone):
    """MONAI's network with residual blocks, without its output layer; one residual block per encoder level.

    Args:
        filters: Channels per level, finest first (nnU-Net's for 3D by default).
    """

    def __init__(self, filters: Sequence[int] = (32, 64, 128, 256, 320, 320)) -> None:
        super().__init__()
        if len(filters) < LEAST_LEVELS:
            raise ValueError(f"filters are at least {LEAST_LEVELS} numbers, got {len(filters)}")
        steps = len(filters) - 1
        self.divisor = 2**steps
        self.deep_channels = filters[-1]
        self.decoded_channels = filters[0]
        self.coarse_channels = tuple(reversed(filters[1:-1]))
        self.network = MonaiDynUNet(
            spatial_dims=3,
            in_channels=1,
            out_channels=1,
            kernel_size=[3] * len(filters),
            strides=[1] + [2] * steps,
            upsample_kernel_size=[2] * steps,
            filters=list(filters),
            norm_name=("INSTANCE", {"affine": True}),
            res_block=True,
        )
        del self.network.output_block
        del self.network.skip_layers  # the same blocks once more, which would double every checkpoint

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """See `Backbone.stages`."""
        skips: list[Tensor] = []
        for block in (self.network.input_block, *self.network.downsamples):
            x = block(x)
            skips.append(x)
        deep = y = self.network.bottleneck(x)
        decoder = []
        for block in self.network.upsamples:
            y = block(y, skips.pop())
            decoder.append(y)
        return deep, decoder.pop(), tuple(decoder)
