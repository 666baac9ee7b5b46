"""A model as one graph from a window to the logits of its classes, in operations that every ONNX runtime has."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from omentum.infer.engines.plain_norms import with_plain_norms
from omentum.model.backbones.residual_unet import depth_to_space
from omentum.model.feature_network import FeatureNetwork
from omentum.model.generated_layers import with_biases
from omentum.model.head import TextDrivenHead
from omentum.model.routes import in_order, routes
from omentum.model.segmentation_head import SegmentationHead
from omentum.model.universal import UniversalModel

HIDDEN_VALUES = 2**24
"""Values of one hidden layer of the head at a time (64 MiB): for all voxels of a window they would take a gigabyte."""
_DOUBLE = (2, 2, 2)


class WindowNetwork(nn.Module):
    """Backbone and head, with the text embeddings of the classes as constants.

    The layers of each class still depend on the image: what the head generates them from is part of the graph.

    Args:
        model: The model; it is copied.
        classes: Channels wanted, in this order; all by default.
    """

    def __init__(self, model: UniversalModel, classes: Sequence[int] | None = None) -> None:
        super().__init__()
        model = copy.deepcopy(model).float().eval()
        self._ways = routes(model.spec, classes)
        network = FeatureNetwork(model, classes)
        _replace_layers(network)
        self.front = with_plain_norms(network)
        for number, way in enumerate(self._ways):
            self.register_buffer(f"text_{number}", model.text_embeddings[[*way.channels]].float())

    def forward(self, window: Tensor) -> Tensor:
        """[1, 1, X, Y, Z] -> logits [1, K, X, Y, Z]."""
        outputs, heads = self.front(window), self.front.get_submodule("heads")
        parts = [
            _logits(head, outputs[2 * n], outputs[2 * n + 1], self.get_buffer(f"text_{n}"))
            for n, head in enumerate(heads.children())
        ]
        return in_order(parts, self._ways)


class SubPixelUp(nn.Module):
    """A transposed convolution whose kernel and stride are 2, as a 1x1x1 convolution and a rearrangement.

    The result is the same; ONNX Runtime on WebGPU has no transposed convolution in 3D.
    """

    def __init__(self, of: nn.ConvTranspose3d) -> None:
        super().__init__()
        weights = of.weight.detach()  # [in, out, 2, 2, 2]
        self.weight = nn.Parameter(weights.flatten(1).T[..., None, None, None].contiguous(), requires_grad=False)
        self.bias = None if of.bias is None else nn.Parameter(of.bias.detach().repeat_interleave(8), False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, X, Y, Z] -> [B, out, 2X, 2Y, 2Z]."""
        return depth_to_space(F.conv3d(x, self.weight, self.bias))


class SteppedInstanceNorm(nn.Module):
    """Instance normalisation whose means are taken along one axis after the other.

    ONNX Runtime adds up float32 values one by one: over a million voxels it loses four digits, and the masks move. The
    operator InstanceNormalization is not used because WebGPU and others compute it wrongly or not at all in 3D.
    """

    def __init__(self, norm: nn.InstanceNorm3d | nn.GroupNorm) -> None:
        super().__init__()
        channels = norm.num_features if isinstance(norm, nn.InstanceNorm3d) else norm.num_channels
        weight = torch.ones(channels) if norm.weight is None else norm.weight.detach()
        bias = torch.zeros(channels) if norm.bias is None else norm.bias.detach()
        self.weight = nn.Parameter(weight.view(1, -1, 1, 1, 1), requires_grad=False)
        self.bias = nn.Parameter(bias.view(1, -1, 1, 1, 1), requires_grad=False)
        self.eps = norm.eps

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, X, Y, Z] -> the same shape."""
        from_mean = x - _mean(x)
        return from_mean * (self.weight / torch.sqrt(_mean(from_mean * from_mean) + self.eps)) + self.bias


def _mean(x: Tensor) -> Tensor:
    return x.mean(4, keepdim=True).mean(3, keepdim=True).mean(2, keepdim=True)


def _replace_layers(network: nn.Module) -> None:
    """Replace, in a model of our own copy, what runtimes do not have or compute badly."""
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.ConvTranspose3d) and module.kernel_size == module.stride == _DOUBLE:
            network.set_submodule(name, SubPixelUp(module))
        elif _norms_channels_alone(module):
            network.set_submodule(name, SteppedInstanceNorm(module))


def _norms_channels_alone(module: nn.Module) -> TypeGuard[nn.InstanceNorm3d | nn.GroupNorm]:
    if isinstance(module, nn.GroupNorm):
        return module.num_groups == module.num_channels
    return isinstance(module, nn.InstanceNorm3d) and not module.track_running_stats


def _logits(head: nn.Module, image: Tensor, features: Tensor, text: Tensor) -> Tensor:
    """As `SegmentationHead.logits`, with the loop over runs of voxels unrolled."""
    assert isinstance(head, SegmentationHead)
    layers, voxels = head.layers_from(image, text), features.flatten(2)
    if isinstance(head, TextDrivenHead):
        logits = _dynamic_head(voxels, layers.split(head.split_sizes, dim=2))
    else:
        logits = head.apply_dynamic_head(voxels, layers)
    volume: Tensor = logits.unflatten(2, features.shape[2:])
    return volume


def _dynamic_head(voxels: Tensor, parts: Sequence[Tensor]) -> Tensor:
    """As `forward_full`, for one window [1, c, V]: three matrix products without additions, some voxels at a time."""
    first, second, third = (layer[0] for layer in with_biases(parts))
    classes, width = second.shape[:2]
    runs = []
    for run in F.pad(voxels[0], (0, 0, 0, 1), value=1).split(max(1, HIDDEN_VALUES // (classes * width)), 1):
        hidden = (first @ run).relu().unflatten(0, (classes, width))
        runs.append(third @ (second @ hidden).relu())
    return torch.cat(runs, 2).transpose(0, 1)
