"""A segmentation head without text: one 1x1x1 convolution, the usual one for fine-tuning a pre-trained backbone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from omentum.model.segmentation_head import SegmentationHead, group_norm


class PlainHead(SegmentationHead):
    """Normalisation, ReLU and one linear classifier per class on the decoded features of each voxel.

    This is the output layer of an ordinary segmentation network (SuPreM, Li et al., ICLR 2024, fine-tunes pre-trained
    backbones with one). There is no language model: the "text embeddings" of its classes are the rows of an identity
    matrix, which pick the weights of each class. Nothing is known of a class that was not trained.

    Args:
        decoded_channels: Channels of the backbone's full-resolution features.
        classes: Number of classes; also the width of the embeddings.
    """

    def __init__(self, decoded_channels: int, classes: int) -> None:
        super().__init__()
        self.image_feature = nn.AdaptiveAvgPool3d(1)
        self.voxel_features = nn.Sequential(group_norm(decoded_channels), nn.ReLU())
        self.classifier = nn.Linear(classes, decoded_channels + 1, bias=False)

    def layers_from(self, image: Tensor, text: Tensor) -> Tensor:
        """Weights and bias of each class, [B, K, c + 1]; equal for every image."""
        with torch.autocast(image.device.type, enabled=False):
            layers: Tensor = self.classifier(text.to(self.classifier.weight.dtype))
            return layers.expand(len(image), -1, -1)

    def apply_dynamic_head(self, features: Tensor, layers: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """See `SegmentationHead.apply_dynamic_head`; in float32 also under autocast."""
        dtype = dtype or features.dtype
        with torch.autocast(features.device.type, enabled=False):
            weights, bias = layers[..., :-1], layers[..., -1:]
            return torch.baddbmm(bias, weights, features.to(layers.dtype)).to(dtype)
