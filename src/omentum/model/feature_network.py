"""A model in two parts: the network an inference engine may compile, and the head that depends on the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from omentum.model.routes import in_order, routes
from omentum.model.segmentation_head import SegmentationHead
from omentum.model.universal import BACKBONE, HEAD, UniversalModel


class FeatureNetwork(nn.Module):
    """The part of a model that does not depend on the words asked for: backbone, image feature and voxel features.

    Of a model with adapters, it has the passes that some of the classes need; additions are merged into copies of the
    weights, so that nothing of them costs time, and plain classes run through the plain weights.

    Args:
        model: The model; where it has no adapters, its modules are shared.
        classes: Channels wanted; all by default.
    """

    def __init__(self, model: UniversalModel, classes: Sequence[int] | None = None) -> None:
        super().__init__()
        self.backbones, self.heads = nn.ModuleList(), nn.ModuleList()
        self._backbone_of: list[int] = []
        for way in routes(model.spec, classes):
            adapter = model.adapter_of(way)
            self.heads.append(model.head if adapter is None else adapter.merged(HEAD, model.head))
            backbone = model.backbone if adapter is None else adapter.merged(BACKBONE, model.backbone)
            if backbone not in list(self.backbones):
                self.backbones.append(backbone)
            self._backbone_of.append(list(self.backbones).index(backbone))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute features of windows [B, 1, X, Y, Z].

        Returns:
            Of each route (see `omentum.model.routes`): image feature [B, condition_width], voxel features
            [B, c, X, Y, Z].
        """
        seen = [backbone(x) for backbone in self.backbones]
        out: list[Tensor] = []
        for number, head in zip(self._backbone_of, self.heads, strict=True):
            deep, decoded = seen[number]
            assert isinstance(head, SegmentationHead)
            out += [head.image_feature(deep).flatten(1), head.voxel_features(decoded)]
        return tuple(out)


def class_logits(
    model: UniversalModel, classes: Sequence[int] | None = None, dtype: torch.dtype | None = None
) -> Callable[..., Tensor]:
    """Build the function from the outputs of a `FeatureNetwork` to the logits of some classes, as `model(x, classes)`.

    Args:
        model: The model.
        classes: Channels wanted, in this order; all by default. Those of the `FeatureNetwork`.
        dtype: Of the logits; see `TextDrivenHead.apply_dynamic_head`.

    Returns:
        (image feature, voxel features, ...) -> logits [B, len(classes), X, Y, Z].
    """
    ways = routes(model.spec, classes)
    adapters = [model.adapter_of(way) for way in ways]
    heads = [model.head if adapter is None else adapter.merged(HEAD, model.head) for adapter in adapters]
    texts = [model.text_embeddings[[*way.channels]] for way in ways]

    def logits(*features: Tensor) -> Tensor:
        pairs = zip(features[::2], features[1::2], strict=True)
        parts = [
            head.logits(image, voxels, text, dtype)
            for head, text, (image, voxels) in zip(heads, texts, pairs, strict=True)
        ]
        return in_order(parts, ways)

    return logits
