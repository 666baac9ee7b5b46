"""From a description to a network."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from torch import Tensor

from omentum.errors import CheckpointError
from omentum.model.head import TextDrivenHead
from omentum.model.plain_head import PlainHead
from omentum.model.segmentation_head import SegmentationHead
from omentum.model.universal import Backbone, UniversalModel
from omentum.spec import CheckpointSpec, HeadKind, ModelSpec

BACKBONES: dict[str, str] = {
    "swin_unetr": "omentum.model.backbones.swin_unetr:SwinUnetr",
    "unet": "omentum.model.backbones.unet:UNet",
    "unetpp": "omentum.model.backbones.unetpp:UNetPlusPlus",
    "dints": "omentum.model.backbones.dints:DiNTS",
    "residual_unet": "omentum.model.backbones.residual_unet:ResidualUNet",
    "segresnet": "omentum.model.backbones.segresnet:SegResNet",
    "dynunet": "omentum.model.backbones.dynunet:DynUNet",
    "mednext": "omentum.model.backbones.mednext:MedNeXt",
}
"""Name in a checkpoint -> module:class; imported on demand, because some need slow libraries."""

SECOND_PASS_BACKBONES = {"organ_unet": "omentum.model.backbones.organ_unet:OrganUNet"}
"""Those that see an organ's mask beside the image; as in `BACKBONES`."""


def build(spec: CheckpointSpec, text_embeddings: Tensor) -> UniversalModel:
    """A network with fresh weights.

    Args:
        spec: Names the backbone, its parameters, the widths of the head, and the classes.
        text_embeddings: [number of classes, spec.model.text_width], rows in the order of `spec.classes`.

    Raises:
        CheckpointError: unknown backbone or parameters, or embeddings that do not fit classes and width.
    """
    want = spec.text_shape
    if tuple(text_embeddings.shape) != want:
        raise CheckpointError(
            f"text embeddings are {' x '.join(map(str, text_embeddings.shape))} (classes x width), "
            f"its description needs {want[0]} x {want[1]}"
        )
    backbone, second = build_backbone(spec.model), spec.second_pass_network
    second_pass = None if second is None else build(second, text_embeddings.new_zeros(second.text_shape))
    return UniversalModel(backbone, _build_head(spec.model, backbone), text_embeddings, spec, second_pass)


def _build_head(spec: ModelSpec, backbone: Backbone) -> SegmentationHead:
    if spec.head is HeadKind.PLAIN:
        return PlainHead(backbone.decoded_channels, spec.text_width)
    return TextDrivenHead(
        backbone.deep_channels,
        backbone.decoded_channels,
        text_width=spec.text_width,
        condition_width=spec.condition_width,
        channels=spec.head_channels,
    )


def build_backbone(spec: ModelSpec) -> Backbone:
    """Only the backbone; see `build` for the errors."""
    known = BACKBONES | SECOND_PASS_BACKBONES
    if spec.backbone not in known:
        raise CheckpointError(f"unknown network type {spec.backbone!r}", remedy=f"known are {', '.join(BACKBONES)}")
    module, name = known[spec.backbone].split(":")
    try:
        return cast(Backbone, getattr(import_module(module), name)(**spec.parameters))
    except (TypeError, ValueError, LookupError, ArithmeticError, RuntimeError) as fault:
        raise CheckpointError(f"impossible parameters for the network {spec.backbone!r}: {fault}") from fault
