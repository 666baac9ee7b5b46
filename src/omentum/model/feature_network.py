"""A model in two parts: what an inference engine may compile, and what depends on the words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from omentum.model.universal import UniversalModel


class FeatureNetwork(nn.Module):
    """Everything of a model that is the same whatever is asked: backbone, image feature, the head's voxel features."""

    def __init__(self, model: UniversalModel) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone, model.head

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 1, X, Y, Z] -> (image feature [B, condition_width], voxel features [B, c, X, Y, Z])."""
        deep, decoded = self.backbone(x)
        return self.head.image_feature(deep).flatten(1), self.head.voxel_features(decoded)


def class_drawer(
    model: UniversalModel, classes: Sequence[int] | None = None, dtype: torch.dtype | None = None
) -> Callable[[Tensor, Tensor], Tensor]:
    """From what a `FeatureNetwork` returns to the logits of some classes, as `model(x, classes)`; see `draw`."""
    text = model.text_embeddings if classes is None else model.text_embeddings[list(classes)]

    def draw(image: Tensor, features: Tensor) -> Tensor:
        return model.head.logits(image, features, text, dtype)

    return draw
