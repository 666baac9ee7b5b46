"""U-Net++ (Zhou et al., DLMIA 2018) from MONAI, one of the four published backbones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets.basic_unetplusplus import BasicUNetPlusPlus
from torch import Tensor

from omentum.model.universal import Backbone

LEVELS = 5


class UNetPlusPlus(Backbone):
    """MONAI's network without its output layers.

    Args:
        features: Channels of the five encoder levels, then of the full-resolution output.
    """

    divisor = 2 ** (LEVELS - 1)

    def __init__(self, features: Sequence[int] = (32, 32, 64, 128, 256, 32)) -> None:
        super().__init__()
        if len(features) != LEVELS + 1:
            raise ValueError(f"features are {LEVELS + 1} numbers, got {len(features)}")
        self.deep_channels = features[LEVELS - 1]
        self.decoded_channels = features[LEVELS]
        self.coarse_channels = tuple(features[3:0:-1])
        self.network = BasicUNetPlusPlus(in_channels=1, features=features)
        for width in range(1, LEVELS):
            delattr(self.network, f"final_conv_0_{width}")

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """See `Backbone.stages`; deep features have 1/16 of the resolution."""
        rows: list[list[Tensor]] = []
        diagonal: list[Tensor] = []
        for level in range(LEVELS):
            y = self.network.get_submodule(f"conv_{level}_0")(rows[-1][0] if rows else x)
            rows.append([y])
            diagonal = [y]
            for column in range(1, level + 1):
                row = rows[level - column]
                y = self.network.get_submodule(f"upcat_{level - column}_{column}")(y, torch.cat(row, dim=1))
                row.append(y)
                diagonal.append(y)
        deep, *coarse, decoded = diagonal
        return deep, decoded, tuple(coarse)
