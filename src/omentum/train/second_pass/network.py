"""The new network of a second pass, and the plain classifier that helps to train it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from omentum.errors import UsageError
from omentum.model import UniversalModel, build
from omentum.model.head import TextDrivenHead
from omentum.spec import CheckpointSpec, ClassSpec, HeadKind, ModelSpec
from omentum.train.fresh_model import spread_text_features
from omentum.train.network_check import check_network
from omentum.train.second_pass.settings import SecondPassConfig

KERNEL_DIMENSIONS = 5
SMOOTHED = "smoothed"
"""Parameter of `OrganUNet`."""
SLOPE = 0.1
"""Of the leaky ReLU before the plain classifier."""


def new_network(config: SecondPassConfig, first: UniversalModel, classes: Sequence[str]) -> UniversalModel:
    """The network before its first step; text embeddings are those of the first pass.

    Its weights are random, from torch's global generator, or for `warm_start` those of the second pass that `init` has.
    The head is generated from text, so the classes may be others.

    Args:
        config: The run.
        first: Weights of `init`.
        classes: Keys of the second pass's classes, in channel order.

    Raises:
        UsageError: The first pass does not know a class, or has no text; or the network cannot be built or does not
            take crops and windows of these sizes; or there is no second pass of this kind to start from.
    """
    if first.spec.model.head is not HeadKind.TEXT:
        remedy = 'choose weights with a text-driven head, such as init = "default"'
        raise UsageError("a second pass needs the text of the first, which has none", source=config.init, remedy=remedy)
    known = {one.key: row for row, one in enumerate(first.spec.classes)}
    if strange := [key for key in classes if key not in known]:
        reason = f"does not know {', '.join(strange)}, so no second pass can look for them"
        raise UsageError(reason, source=config.init, remedy="leave them out of [[regions]], or choose another init")
    rows = [known[key] for key in classes]
    text = first.text_embeddings[rows].float()
    spec = CheckpointSpec(
        model=ModelSpec(
            "organ_unet",
            dict(config.parameters),
            text_width=text.shape[1],
            condition_width=config.condition_width,
            head_channels=config.head_channels,
        ),
        preprocess=config.preprocess,
        classes=tuple(ClassSpec(key, first.spec.classes[row].prompt) for key, row in zip(classes, rows, strict=True)),
        text_encoder=first.spec.text_encoder,
        structures=first.spec.structures,
    )
    network = build(spec, text)
    for size in (config.crop, config.patch):
        check_network(network, size)
    if config.warm_start:
        _start_from(first.second_pass, network, config.init)
        return network
    assert isinstance(network.head, TextDrivenHead)
    spread_text_features(network.head.text_feature, text)
    nn.init.constant_(network.head.controller.bias[-1:], config.first_logit)
    return network


def _start_from(earlier: UniversalModel | None, network: UniversalModel, source: str) -> None:
    """Give a network the weights of an earlier second pass; its text embeddings stay.

    What the earlier one does not see (`smoothed`) has weights of 0 at first.
    """
    if earlier is None:
        raise UsageError("has no second pass to start from", source=source, remedy="leave out warm_start")
    if not _sees_all_of(network.spec.model, earlier.spec.model):
        reason = "its second pass is another network"
        remedy = "leave out warm_start, or give parameters, condition_width and head_channels as in its training"
        raise UsageError(reason, source=source, remedy=remedy)
    own = network.state_dict()
    state = {name: _with_more_inputs(tensor, own[name].shape) for name, tensor in earlier.state_dict().items()}
    network.load_state_dict(state | {"text_embeddings": network.text_embeddings})


def _sees_all_of(model: ModelSpec, earlier: ModelSpec) -> bool:
    """Whether networks are the same, but for smoothed images that one sees beyond the other's."""

    def without(spec: ModelSpec) -> ModelSpec:
        return replace(spec, parameters={name: value for name, value in spec.parameters.items() if name != SMOOTHED})

    more, less = (list(spec.parameters.get(SMOOTHED, ())) for spec in (model, earlier))
    return without(model) == without(earlier) and more[: len(less)] == less


def _with_more_inputs(tensor: Tensor, shape: torch.Size) -> Tensor:
    """A kernel with weights of 0 for input channels that it lacks; they come last (see `OrganUNet`)."""
    if tensor.shape == shape or tensor.ndim != KERNEL_DIMENSIONS:
        return tensor
    return torch.cat([tensor, tensor.new_zeros(len(tensor), shape[1] - tensor.shape[1], *tensor.shape[2:])], 1)


class PlainClassifier(nn.Module):
    """A 1x1x1 convolution on the decoded features, with one output per class.

    Args:
        channels: Of the decoded features.
        classes: Number of classes.
        first_logit: Initial bias.
    """

    def __init__(self, channels: int, classes: int, first_logit: float) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(channels, classes, 1)
        nn.init.constant_(self.convolution.bias, first_logit)  # type: ignore[arg-type]

    def forward(self, decoded: Tensor, channels: Sequence[int]) -> Tensor:
        """Logits [B, len(channels), X, Y, Z] of some classes."""
        wanted = list(channels)
        weight, bias = self.convolution.weight[wanted], self.convolution.bias
        assert bias is not None
        return F.conv3d(F.leaky_relu(decoded, SLOPE), weight, bias[wanted])
