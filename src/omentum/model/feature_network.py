"""A model in two parts: the network an inference engine may compile, and the head that depends on the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from omentum.model.universal import UniversalModel


class FeatureNetwork(nn.Module):
    """The part of a model that does not depend on the classes asked for: backbone, image feature and voxel features.

    Args:
        model: The model whose modules are shared.
    """

    def __init__(self, model: UniversalModel) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone, model.head

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute image feature [B, condition_width] and voxel features [B, c, X, Y, Z] of windows [B, 1, X, Y, Z]."""
        deep, decoded = self.backbone(x)
        return self.head.image_feature(deep).flatten(1), self.head.voxel_features(decoded)


def class_logits(
    model: UniversalModel, classes: Sequence[int] | None = None, dtype: torch.dtype | None = None
) -> Callable[[Tensor, Tensor], Tensor]:
    """Build the function from the outputs of a `FeatureNetwork` to the logits of some classes, as `model(x, classes)`.

    Args:
        model: The model.
        classes: Channels wanted, in this order; all by default.
        dtype: Of the logits; see `TextDrivenHead.apply_dynamic_head`.

    Returns:
        (image feature, voxel features) -> logits [B, len(classes), X, Y, Z].
    """
    text = model.text_embeddings if classes is None else model.text_embeddings[list(classes)]

    def logits(image: Tensor, features: Tensor) -> Tensor:
        return model.head.logits(image, features, text, dtype)

    return logits
