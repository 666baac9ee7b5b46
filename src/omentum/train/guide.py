"""Plain classifiers on the decoder's coarse features: a short way for gradients into the backbone.

The generated heads form slowly, and 32 separate yes/no questions leave a young network with the answer "no". One
softmax over all structures makes them compete, and it learns at once (deep supervision: Lee et al., AISTATS 2015).
What a case does not have annotated counts as background there: the probabilities of background and of all
unannotated structures are added up before the loss (marginal loss: Shi et al., Medical Image Analysis 2021).
The guide is used in training only and never part of a checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from omentum.anatomy import STRUCTURES
from omentum.data.cases import TrainingCase
from omentum.data.packed import unpack
from omentum.model.universal import Backbone

RARE, COMMON = -2.0, 2.0
"""First logits of a structure and of the background."""

LARGEST_BALANCE = 40.0
"""A structure's voxels weigh the root of how much rarer than background they are, at most this."""

COARSER = 0.5
"""Each coarser stage counts half of the one above it."""


class Guide(nn.Module):
    """One softmax classifier per decoder stage; empty for a backbone that offers no stages.

    Args:
        backbone: Its `coarse_channels` say how many.
        classes: Structure keys, in the order of the cases' bits.
        balance: [1 + K], weight of a voxel of background and of each class; see `root_balance`.
    """

    balance: Tensor

    def __init__(self, backbone: Backbone, classes: Sequence[str], balance: Tensor) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.classifiers = nn.ModuleList(nn.Conv3d(width, 1 + len(classes), 1) for width in backbone.coarse_channels)
        for classifier in self.classifiers:
            nn.init.constant_(classifier.bias, RARE)  # type: ignore[arg-type]
            nn.init.constant_(classifier.bias[:1], COMMON)  # type: ignore[index]
        self.register_buffer("balance", balance)

    def forward(self, coarse: Sequence[Tensor]) -> list[Tensor]:
        """Features, deepest first -> logits [B, 1 + K, x, y, z] of each."""
        return [classifier(feature) for classifier, feature in zip(self.classifiers, coarse, strict=True)]

    def loss(self, logits: Sequence[Tensor], bits: Tensor, annotated: Tensor) -> Tensor:
        """Marginal cross-entropy plus soft Dice of what is present, summed over stages and averaged over the batch.

        Args:
            logits: As `forward` returns them.
            bits: int32 [B, X, Y, Z] at full resolution.
            annotated: bool [B, K].
        """
        total = torch.zeros((), device=bits.device)
        for depth, stage in enumerate(reversed(logits)):
            step = bits.shape[1] // stage.shape[2]
            labels = painted(bits[:, step // 2 :: step, step // 2 :: step, step // 2 :: step], self.classes)
            losses = [self._sample(z.float(), y, a) for z, y, a in zip(stage, labels, annotated, strict=True)]
            total = total + COARSER**depth * torch.stack(losses).mean()
        return total

    def _sample(self, z: Tensor, labels: Tensor, annotated: Tensor) -> Tensor:
        """One sample: logits [1 + K, x, y, z], labels [x, y, z]."""
        counts_as_background = torch.cat([annotated.new_ones(1), ~annotated])
        background = torch.logsumexp(z[counts_as_background], 0, keepdim=True)
        log_p = (torch.cat([background, z[1:]]) - torch.logsumexp(z, 0, keepdim=True)).flatten(1)
        y = labels.flatten()
        weight = self.balance[y]
        cross_entropy = -(log_p.gather(0, y[None])[0] * weight).sum() / weight.sum()
        present = torch.bincount(y, minlength=len(z)) > 0
        present[0] = False
        if not present.any():
            return cross_entropy
        p, t = log_p[present].exp(), F.one_hot(y, len(z)).T[present].float()
        dice = (2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)
        return cross_entropy + (1 - dice).mean()


def painted(bits: Tensor, classes: Sequence[str]) -> Tensor:
    """int32 bits -> int64 labels of the same shape: 0, or 1 + class, a lesion over its host."""
    labels = torch.zeros(bits.shape, dtype=torch.int64, device=bits.device)
    masks = unpack(bits, len(classes))
    for k in sorted(range(len(classes)), key=lambda k: STRUCTURES[classes[k]].paint_order):
        labels[masks[k]] = 1 + k
    return labels


def root_balance(cases: Iterable[TrainingCase], classes: Sequence[str]) -> Tensor:
    """Weights [1 + K] of a voxel of background (1) and of each class: the root of how much rarer it is, bounded.

    Args:
        cases: What is trained on; only their numbers of voxels are looked at.
        classes: Structure keys in bit order.
    """
    counts = torch.ones(1 + len(classes), dtype=torch.float64)
    for case in cases:
        counts[0] += math.prod(case.shape)
        for k, voxels in case.voxels.items():
            counts[1 + k] += voxels
            if not STRUCTURES[classes[k]].is_lesion:  # a lesion's voxels are its host's too
                counts[0] -= voxels
    return (counts[0].clamp_min(1) / counts).sqrt().clamp(max=LARGEST_BALANCE).float()
