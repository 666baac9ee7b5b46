"""Normalisation layers written out in ways that OpenVINO computes well.

What torch exports of its own layers becomes several slow passes, and each of them turns the layout of the features
round and back again, because OpenVINO's convolutions keep the channels of a voxel side by side.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PlainInstanceNorm(nn.Module):
    """Recognised by OpenVINO as one of its own operations, and computed in one pass."""

    def __init__(self, norm: nn.InstanceNorm3d | nn.GroupNorm) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, X, Y, Z] -> the same shape."""
        from_mean = x - x.mean((2, 3, 4), keepdim=True)
        normal = from_mean / torch.sqrt((from_mean * from_mean).mean((2, 3, 4), keepdim=True) + self.eps)
        if self.weight is None:
            return normal
        return normal * self.weight.view(1, -1, 1, 1, 1) + self.bias.view(1, -1, 1, 1, 1)


class PlainGroupNorm(nn.Module):
    """Sums of each channel, averaged over its group by a 1x1x1 convolution: nothing here has another layout."""

    average: Tensor

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.weight = torch.ones(norm.num_channels) if norm.weight is None else norm.weight
        self.bias = torch.zeros(norm.num_channels) if norm.bias is None else norm.bias
        self.eps = norm.eps
        size = norm.num_channels // norm.num_groups
        blocks = torch.kron(torch.eye(norm.num_groups), torch.full((size, size), 1 / size))
        self.register_buffer("average", blocks[..., None, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, X, Y, Z] -> the same shape."""
        # Along the last axis first: sums of a million float32 numbers in one go would lose three digits.
        mean = x.mean(4, keepdim=True).mean((2, 3), keepdim=True)
        square = (torch.linalg.vector_norm(x, 2, (4,), keepdim=True) ** 2).mean((2, 3), keepdim=True) / x.shape[4]
        mean, square = F.conv3d(mean, self.average), F.conv3d(square, self.average)
        # Where all voxels are alike, what rounding leaves of the difference may lie below 0, and its root be no number.
        variance = (square - mean * mean).clamp(min=0)
        scale = self.weight.view(1, -1, 1, 1, 1) * torch.rsqrt(variance + self.eps)
        return x * scale + (self.bias.view(1, -1, 1, 1, 1) - mean * scale)


def with_plain_norms(front: nn.Module) -> nn.Module:
    """A copy of a network in evaluation mode with its norms written out."""
    plain = copy.deepcopy(front)
    for name, module in list(plain.named_modules()):
        if isinstance(module, nn.InstanceNorm3d) and not module.track_running_stats:
            plain.set_submodule(name, PlainInstanceNorm(module))
        elif isinstance(module, nn.GroupNorm):
            alone = module.num_groups == module.num_channels
            plain.set_submodule(name, PlainInstanceNorm(module) if alone else PlainGroupNorm(module))
    return plain
