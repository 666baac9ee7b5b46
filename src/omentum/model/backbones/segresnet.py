"""SegResNet (Myronenko, BrainLes 2018, without the variational branch) from MONAI."""

from __future__ import annotations

from collections.abc import Sequence

from monai.networks.nets.segresnet import SegResNet as MonaiSegResNet
from torch import Tensor

from omentum.model.universal import Backbone


class SegResNet(Backbone):
    """MONAI's network without its output layers.

    Args:
        width: Channels at full resolution, a multiple of 8; they double per level. 16 is the size SuPreM released.
        blocks_down: Residual blocks per encoder level.
        blocks_up: Residual blocks per decoder level, one level fewer.
    """

    def __init__(
        self, width: int = 16, blocks_down: Sequence[int] = (1, 2, 2, 4), blocks_up: Sequence[int] = (1, 1, 1)
    ) -> None:
        super().__init__()
        if len(blocks_up) != len(blocks_down) - 1:
            raise ValueError(f"blocks_up needs one level fewer than blocks_down, got {len(blocks_up)}")
        levels = len(blocks_down)
        self.divisor = 2 ** (levels - 1)
        self.deep_channels = width * 2 ** (levels - 1)
        self.decoded_channels = width
        self.coarse_channels = tuple(width * 2**level for level in range(levels - 2, 0, -1))
        self.network = MonaiSegResNet(
            in_channels=1, init_filters=width, blocks_down=tuple(blocks_down), blocks_up=tuple(blocks_up)
        )
        del self.network.conv_final  # normalisation and activation are the first layers of the text-driven head

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """See `Backbone.stages`."""
        deep, skips = self.network.encode(x)
        y, decoder = deep, []
        steps = zip(self.network.up_samples, self.network.up_layers, reversed(skips[:-1]), strict=True)
        for upsample, layer, skip in steps:
            y = layer(upsample(y) + skip)
            decoder.append(y)
        return deep, decoder.pop(), tuple(decoder)
