"""The text-driven segmentor: a controller generates three small layers per class from its text embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from omentum.model.generated_layers import forward_chunked, forward_full
from omentum.model.segmentation_head import SegmentationHead, group_norm

HIDDEN_NUMBERS_AT_ONCE = {"cpu": 2**17, "cuda": 2**25}
"""Values of one hidden layer computed at a time: what fits a processor's cache, and what fills a GPU (64 MiB fp16)."""


class TextDrivenHead(SegmentationHead):
    """Turn backbone features and text embeddings into one logit map per class.

    For each class the condition [image feature | text feature] goes through one shared linear controller, which
    returns the weights of three 1x1x1 layers (c -> c -> c -> 1, ReLU between them) applied to c-channel features
    of every voxel (Liu et al., CLIP-Driven Universal Model, ICCV 2023, section 3.2). All classes read the same
    features, so their first layers are one product; features are never repeated per class.

    Args:
        deep_channels: Channels of the backbone's deepest features.
        decoded_channels: Channels of its full-resolution features.
        text_width: Length of a text embedding.
        condition_width: Width of the image half and of the text half of the condition.
        channels: Channels c of the generated layers.
    """

    def __init__(
        self,
        deep_channels: int,
        decoded_channels: int,
        text_width: int = 512,
        condition_width: int = 256,
        channels: int = 8,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.image_feature = nn.Sequential(
            group_norm(deep_channels),
            nn.ReLU(),
            nn.AdaptiveAvgPool3d(1),
            nn.Conv3d(deep_channels, condition_width, kernel_size=1),
        )
        self.voxel_features = nn.Sequential(
            group_norm(decoded_channels),
            nn.ReLU(),
            nn.Conv3d(decoded_channels, channels, kernel_size=1),
        )
        self.text_feature = nn.Linear(text_width, condition_width)
        self.controller = nn.Linear(2 * condition_width, sum(self.split_sizes))

    @property
    def split_sizes(self) -> tuple[int, ...]:
        """Sizes of w1, w2, w3, b1, b2, b3 in the controller's output: 64, 64, 8, 8, 8, 1 for 8 channels."""
        c = self.channels
        return c * c, c * c, c, c, c, 1

    def text_terms(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """What the text contributes: its features, and its term of the generated parameters.

        One linear layer generates the parameters as the sum of an image and a text term, so for any image two classes
        differ by the difference of their text terms.

        Args:
            text: Embeddings [K, text_width].

        Returns:
            [K, condition_width] and [K, sum(split_sizes)], the bias of the controller included.
        """
        words = self.text_feature(text.to(self.text_feature.weight.dtype)).relu()
        no_image = words.new_zeros(len(words), self.controller.in_features - words.shape[1])
        return words, self.controller(torch.cat([no_image, words], dim=1))

    def layers_from(self, image: Tensor, text: Tensor) -> Tensor:
        """See `SegmentationHead.layers_from`; in float32 also under autocast."""
        with torch.autocast(image.device.type, enabled=False):
            words = self.text_feature(text.to(self.text_feature.weight.dtype)).relu()
            image = image.to(words.dtype)
            pairs = [image[:, None].expand(-1, len(words), -1), words[None].expand(len(image), -1, -1)]
            parameters: Tensor = self.controller(torch.cat(pairs, dim=2))
            return parameters

    def apply_dynamic_head(self, features: Tensor, layers: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Apply the generated layers to voxel features, a run of voxels at a time ("dynamic head" as in DoDNet, 2021).

        The layers keep the precision they were generated in (float32 also under autocast) and features are widened to
        it: a class depends on 153 numbers, and rounding them to bfloat16 would move its boundary everywhere. The hidden
        layers (2 K c V values) never exist as a whole, also not in the backward pass.

        Args:
            features: [B, c, V].
            layers: From `layers`, [B, K, sum(split_sizes)].
            dtype: Of the logits, that of the features by default. Each run is rounded to it as it is computed, so that
                the logits never exist in full width.

        Returns:
            [B, K, V].
        """
        dtype = dtype or features.dtype
        with torch.autocast(features.device.type, enabled=False):
            features, parts = features.to(layers.dtype), layers.split(self.split_sizes, dim=2)
            voxels = self._voxels_at_once(features, classes=layers.shape[1])
            if voxels >= features.shape[2]:
                return forward_full(features, parts).to(dtype)
            return forward_chunked(features, parts, voxels, dtype)

    def _voxels_at_once(self, features: Tensor, classes: int) -> int:
        if torch.jit.is_tracing() or torch.compiler.is_compiling():  # type: ignore[attr-defined, no-untyped-call]
            return features.shape[2]  # a graph must not hold the unrolled loop
        limit = HIDDEN_NUMBERS_AT_ONCE.get(features.device.type, HIDDEN_NUMBERS_AT_ONCE["cuda"])
        return max(1, limit // (classes * self.channels))
