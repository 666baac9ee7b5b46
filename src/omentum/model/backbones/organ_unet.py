"""A small U-Net for the inside of an organ: it sees HU relative to the organ's median, and the organ's mask.

A lesion is told from its host by a few HU, while hosts differ by a hundred between patients and contrast phases. As in
`omentum.model.backbones.residual_unet` the finest level works at half resolution. Channels are normalised voxel by
voxel (root mean square over the channels: Zhang and Sennrich, NeurIPS 2019), not over the patch: whether there is a
lesion at all must not be normalised away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from omentum.model.backbones.residual_blocks import SLOPE
from omentum.model.backbones.residual_unet import FOLD, depth_to_space, space_to_depth
from omentum.model.universal import Backbone

CLOSE_UP = 5.0
"""Factor of the second, closer look at the HU."""
CLOSE_UP_LIMIT = 1.5
SMOOTHED_CLOSE_UP = 3.0
"""Factor of a smoothed close-up, in which noise is less, relative to the close-up."""
SMOOTHED_LIMIT = 2.0
REACH = 2.5
"""Half the width of a smoothing kernel, in SD."""
LEAST_SHARE = 0.05
"""Share of organ in a kernel's reach below which a smoothed value falls to 0."""
RMS_FLOOR = 1e-3
"""Added to the mean square of the channels."""


class OrganUNet(Backbone):
    """Backbone with `deep_channels` at 1/16 resolution (for four levels) and `decoded_channels` at full resolution.

    Args:
        widths: Channels per level, finest first.
        decoded_channels: Channels of the full-resolution feature.
        smoothed: SD in voxels of Gaussians that average the HU of the organ, and of nothing outside it, for further
            close-ups: a faint lesion differs from its organ by less than the noise of a voxel.
    """

    input_channels = 2

    def __init__(
        self,
        widths: Sequence[int] = (32, 48, 96, 128),
        decoded_channels: int = 16,
        smoothed: Sequence[float] = (),
    ) -> None:
        super().__init__()
        self.smoothed = tuple(smoothed)
        self.deep_channels = widths[-1]
        self.decoded_channels = decoded_channels
        self.divisor = FOLD * 2 ** (len(widths) - 1)
        self.stem = _Block((3 + len(smoothed)) * FOLD**3, widths[0])
        self.down = nn.ModuleList(_Block(above, width, stride=2) for above, width in pairwise(widths))
        self.up = nn.ModuleList(_Block(below + width, width) for width, below in reversed(list(pairwise(widths))))
        self.expand = nn.Conv3d(widths[0], decoded_channels * FOLD**3, 1)

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """See `Backbone.stages`.

        Args:
            x: [B, 2, X, Y, Z]: HU relative to the organ's median, windowed to -1..1, and the organ's mask, 0 or 1.
        """
        relative, mask = x[:, :1] * 2, x[:, 1:] * 2 - 1
        close = (relative * CLOSE_UP).clamp(-CLOSE_UP_LIMIT, CLOSE_UP_LIMIT)
        averages = [_organ_average(close, x[:, 1:], sd) for sd in self.smoothed]
        smoothed = [(one * SMOOTHED_CLOSE_UP).clamp(-SMOOTHED_LIMIT, SMOOTHED_LIMIT) for one in averages]
        y = self.stem(space_to_depth(torch.cat([close, relative, mask, *smoothed], 1)))
        skips = [y]
        for level in self.down:
            y = level(y)
            skips.append(y)
        deep = y
        for level, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            y = level(torch.cat([F.interpolate(y, scale_factor=2.0), skip], 1))
        return deep, depth_to_space(self.expand(y)), ()


def _organ_average(values: Tensor, mask: Tensor, sd: float) -> Tensor:
    """Gaussian average of values over a mask, both [B, 1, X, Y, Z]; SD in voxels."""
    reach = max(1, round(REACH * sd))
    kernel = values.new_tensor([math.exp(-0.5 * (at / sd) ** 2) for at in range(-reach, reach + 1)])
    kernel = kernel / kernel.sum()
    sums = torch.cat([values * mask, mask], 0)
    for axis in range(3):
        shape = [1, 1, 1, 1, 1]
        shape[2 + axis] = len(kernel)
        padding = [len(kernel) // 2 if a == axis else 0 for a in range(3)]
        sums = F.conv3d(sums, kernel.view(shape), padding=padding)
    total, share = sums.chunk(2)
    return total / share.clamp_min(LEAST_SHARE)


class _ChannelNorm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.rsqrt(x.square().mean(1, keepdim=True) + RMS_FLOOR)
        return x * scale * self.weight.view(1, -1, 1, 1, 1) + self.bias.view(1, -1, 1, 1, 1)


class _Block(nn.Module):
    """Twice: convolution 3x3x3, norm, leaky ReLU; what came in is added before the last leaky ReLU."""

    def __init__(self, below: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv3d(below, width, 3, stride, 1, bias=False), _ChannelNorm(width)
        self.conv2, self.norm2 = nn.Conv3d(width, width, 3, 1, 1, bias=False), _ChannelNorm(width)
        projects = below != width or stride != 1
        self.skip = nn.Conv3d(below, width, 1, stride, bias=False) if projects else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = F.leaky_relu(self.norm1(self.conv1(x)), SLOPE)
        return F.leaky_relu(self.norm2(self.conv2(y)) + self.skip(x), SLOPE)
