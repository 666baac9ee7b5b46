"""The text-driven head written the slow, obvious way: grouped convolutions over features repeated for every class."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from omentum.model.head import TextDrivenHead


def head_logits(head: TextDrivenHead, deep: Tensor, decoded: Tensor, text: Tensor) -> Tensor:
    """Same arguments and result as `head(deep, decoded, text)`, sample by sample and class by class."""
    image = head.image_feature(deep).flatten(1)
    words = F.relu(head.text_feature(text))
    features = head.voxel_features(decoded)
    return torch.stack([_sample(head, image[b], words, features[b]) for b in range(len(decoded))])


def _sample(head: TextDrivenHead, image: Tensor, words: Tensor, features: Tensor) -> Tensor:
    c, classes = head.channels, len(words)
    numbers = torch.stack([head.controller(torch.cat([image, word])) for word in words])
    w1, w2, w3 = numbers[:, : c * c], numbers[:, c * c : 2 * c * c], numbers[:, 2 * c * c : 2 * c * c + c]
    b1, b2, b3 = numbers[:, -2 * c - 1 : -c - 1], numbers[:, -c - 1 : -1], numbers[:, -1:]
    x = features.repeat(classes, 1, 1, 1)[None]
    x = F.relu(F.conv3d(x, w1.reshape(classes * c, c, 1, 1, 1), b1.flatten(), groups=classes))
    x = F.relu(F.conv3d(x, w2.reshape(classes * c, c, 1, 1, 1), b2.flatten(), groups=classes))
    return F.conv3d(x, w3.reshape(classes, c, 1, 1, 1), b3.flatten(), groups=classes)[0]
