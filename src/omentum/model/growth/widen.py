"""Widen a trained model without changing what it computes.

The features that all classes read are narrow in a small model: 8 decoded channels, and 8 channels in the generated
layers. Structures that need other features cannot be learned without taking them away from those that are there.
Copied units that are told apart by small noise, and new units whose results nothing reads yet, give room for them
(function-preserving growth: Chen et al., Net2Net, ICLR 2016).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from omentum.errors import UsageError
from omentum.model.backbones.residual_unet import FOLD, ResidualUNet
from omentum.model.build import build
from omentum.model.segmentation_head import NORM_GROUPS
from omentum.model.universal import UniversalModel
from omentum.spec import HeadKind

NOISE = 0.05
"""Of copied weights, relative to their standard deviation."""
FRESH = 0.5
"""Standard deviation of weights of new units, relative to that of the old ones they are beside."""


def widened(
    model: UniversalModel, decoded_channels: int, head_channels: int, seed: int = 0, noise: float = NOISE
) -> UniversalModel:
    """A copy with more decoded channels and wider generated layers that gives (nearly) the same logits.

    The group norm before the head sees groups of `decoded_channels / 16` channels. A group of an old channel and its
    noisy copies has the mean and the variance of the old one; groups of new channels are seen by new units only.

    Args:
        model: With a `residual_unet`.
        decoded_channels: Of the backbone; at least as many as now. Beyond 16 a multiple of 16.
        head_channels: Of the generated layers; at least as many as now.
        seed: Of the noise.
        noise: By which copies of decoded channels differ, see `NOISE`; with 0 the logits differ by rounding only.

    Raises:
        UsageError: Another backbone, adapters, or fewer channels than the model has.
    """
    old = model.spec.model
    if not isinstance(model.backbone, ResidualUNet):
        raise UsageError(f"only a 'residual_unet' can be widened, this is a {old.backbone!r}")
    if old.head is not HeadKind.TEXT:
        raise UsageError("only the text-driven head can be widened")
    if model.spec.adapters:
        raise UsageError("weights with adapters cannot be widened", remedy="widen the weights they were added to")
    now = model.backbone.decoded_channels
    copies = max(1, decoded_channels // NORM_GROUPS)
    if decoded_channels < now * copies or head_channels < old.head_channels:
        raise UsageError(
            f"{decoded_channels} and {head_channels} channels are fewer than {now} and {old.head_channels}"
        )
    if decoded_channels > NORM_GROUPS and decoded_channels % NORM_GROUPS:
        raise UsageError(
            f"{decoded_channels} decoded channels cannot be normalised like {now}",
            remedy=f"at most {NORM_GROUPS}, or a multiple of {NORM_GROUPS}",
        )
    described = replace(
        old, parameters={**old.parameters, "decoded_channels": decoded_channels}, head_channels=head_channels
    )
    wide = build(replace(model.spec, model=described), model.text_embeddings)
    state, new = model.state_dict(), wide.state_dict()
    random = torch.Generator().manual_seed(seed)
    for name, tensor in state.items():
        if tensor.shape == new[name].shape:
            new[name] = tensor.clone()
    _widen_decoded(state, new, (copies, noise), random)
    _widen_head(state, new, old.head_channels, head_channels, random)
    wide.load_state_dict(new)
    return wide.train(model.training)


def _widen_decoded(
    state: dict[str, Tensor], new: dict[str, Tensor], copying: tuple[int, float], random: torch.Generator
) -> None:
    """The layer that makes the decoded channels, and the norm and the convolution that read them."""
    copies, amount = copying
    old, wide = (s["head.voxel_features.0.weight"].numel() for s in (state, new))
    taken = old * copies
    for name in ("backbone.expand.weight", "backbone.expand.bias"):
        kernel = state[name].unflatten(0, (old, FOLD**3))
        copied = kernel.repeat_interleave(copies, 0)
        noise = amount * kernel.std() * torch.randn(copied.shape, generator=random)
        noise[::copies] = 0
        fresh_shape = (wide - taken, 1, *kernel.shape[2:])  # all eight voxels of a position begin alike
        fresh = kernel.std() * torch.randn(fresh_shape, generator=random).expand(-1, FOLD**3, *kernel.shape[2:])
        new[name] = torch.cat([copied + noise, fresh]).flatten(0, 1)
    for name, rest in (("head.voxel_features.0.weight", 1.0), ("head.voxel_features.0.bias", 0.0)):
        grown = torch.full((wide,), rest)
        grown[:taken] = state[name].repeat_interleave(copies)
        new[name] = grown
    kernel = state["head.voxel_features.2.weight"]
    grown = FRESH * kernel.std() * torch.randn(new["head.voxel_features.2.weight"].shape, generator=random)
    grown[: len(kernel)] = 0
    grown[: len(kernel), :taken:copies] = kernel  # of the copies, only the first is read yet
    bias = torch.zeros(len(grown))
    bias[: len(kernel)] = state["head.voxel_features.2.bias"]
    new["head.voxel_features.2.weight"], new["head.voxel_features.2.bias"] = grown, bias


def _widen_head(state: dict[str, Tensor], new: dict[str, Tensor], old: int, wide: int, random: torch.Generator) -> None:
    """The controller: old generated units read old ones only, and new ones are not read by the last layer."""
    for name in ("head.controller.weight", "head.controller.bias"):
        parts = state[name].split([old * old, old * old, old, old, old, 1])
        rest = parts[0].shape[1:]

        def square(part: Tensor, rest: torch.Size = rest) -> Tensor:
            grown = FRESH * part.std() * torch.randn((wide, wide, *rest), generator=random)
            grown[:old] = 0
            grown[:old, :old] = part.unflatten(0, (old, old))
            return grown.flatten(0, 1)

        def line(part: Tensor, rest: torch.Size = rest) -> Tensor:
            return torch.cat([part, torch.zeros((wide - old, *rest))])

        first, second, third, bias1, bias2, bias3 = parts
        new[name] = torch.cat([square(first), square(second), line(third), line(bias1), line(bias2), bias3])
