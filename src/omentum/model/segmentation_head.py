"""What every head offers: the layers of each class from an image feature and a text embedding, applied to voxels."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

NORM_GROUPS = 16
"""Groups of the published normalisation layers."""


class SegmentationHead(nn.Module):
    """Turns backbone features and text embeddings into one logit map per class.

    Attributes:
        image_feature: Deep features [B, deep_channels, x, y, z] -> [B, n, 1, 1, 1].
        voxel_features: Decoded features [B, decoded_channels, X, Y, Z] -> [B, c, X, Y, Z].
    """

    image_feature: nn.Module
    voxel_features: nn.Module

    def forward(self, deep: Tensor, decoded: Tensor, text: Tensor) -> Tensor:
        """Compute the logits of every class.

        Args:
            deep: [B, deep_channels, x, y, z].
            decoded: [B, decoded_channels, X, Y, Z].
            text: Embeddings [K, text_width].

        Returns:
            [B, K, X, Y, Z].
        """
        return self.logits(self.image_feature(deep).flatten(1), self.voxel_features(decoded), text)

    def logits(self, image: Tensor, features: Tensor, text: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Compute logits from the two kinds of features.

        Args:
            image: Image features [B, n].
            features: Voxel features [B, c, X, Y, Z].
            text: Embeddings [K, text_width].
            dtype: Of the logits; see `apply_dynamic_head`.

        Returns:
            [B, K, X, Y, Z].
        """
        logits = self.apply_dynamic_head(features.flatten(2), self.layers_from(image, text), dtype)
        volume: Tensor = logits.unflatten(2, features.shape[2:])
        return volume

    def logits_at(self, deep: Tensor, decoded: Tensor, text: Tensor, voxels: tuple[Any, ...]) -> Tensor:
        """Compute logits of some voxels: the whole network ran, the layers of the classes run on these alone.

        Args:
            deep: [B, deep_channels, x, y, z].
            decoded: [B, decoded_channels, X, Y, Z].
            text: Embeddings [K, text_width].
            voxels: Index into [B, c, X, Y, Z].

        Returns:
            [B, K, V].
        """
        layers = self.layers(deep, text)
        return self.apply_dynamic_head(self.voxel_features(decoded)[voxels].flatten(2), layers)

    def layers(self, deep: Tensor, text: Tensor) -> Tensor:
        """Parameters of the layers of every class, [B, K, numbers of a class].

        Args:
            deep: [B, deep_channels, x, y, z].
            text: Embeddings [K, text_width].
        """
        return self.layers_from(self.image_feature(deep).flatten(1), text)

    def layers_from(self, image: Tensor, text: Tensor) -> Tensor:
        """As `layers`, from the image features [B, n]."""
        raise NotImplementedError

    def apply_dynamic_head(self, features: Tensor, layers: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Apply the layers of every class to voxel features.

        Args:
            features: [B, c, V].
            layers: From `layers`.
            dtype: Of the logits, that of the features by default.

        Returns:
            [B, K, V].
        """
        raise NotImplementedError


def group_norm(channels: int) -> nn.GroupNorm:
    """Group norm with 16 groups as published, or the greatest common divisor of 16 and the number of channels."""
    return nn.GroupNorm(math.gcd(NORM_GROUPS, channels), channels)
