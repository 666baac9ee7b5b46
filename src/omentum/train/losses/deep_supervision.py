"""Deep supervision: plain classifiers on the decoder's coarse features, which give the backbone direct gradients.

The generated heads form slowly, and 32 separate binary questions let a young network answer "no" everywhere. One
softmax over all structures makes them compete and is learned at once (deep supervision: Lee et al., AISTATS 2015). A
structure that is not annotated in a case may lie under several labels (`marginal`): background, or the organ that
contains it. Their probabilities are summed before the loss. The classifiers are used in training only and are never
saved in a model checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.cases import TrainingCase
from omentum.data.sampling.class_sets import Truth
from omentum.model.universal import Backbone
from omentum.train.losses.marginal import NOTHING, Outcomes, outcomes

RARE, COMMON = -2.0, 2.0
"""First logits of a structure and of the background."""

LARGEST_BALANCE = 40.0
"""A structure's voxels weigh the root of how much rarer than background they are, at most this."""

COARSER = 0.5
"""Each coarser stage counts half of the one above it."""


class DeepSupervision(nn.Module):
    """One softmax classifier per decoder stage; empty for a backbone without such stages.

    Args:
        backbone: Its `coarse_channels` give the number of channels per stage.
        classes: Structure keys, in the class order of the cases.
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
        """Map features, deepest first, to logits [B, 1 + K, x, y, z] each."""
        return [classifier(feature) for classifier, feature in zip(self.classifiers, coarse, strict=True)]

    def loss(self, logits: Sequence[Tensor], truth: Truth, annotated: Tensor) -> Tensor:
        """Marginal cross-entropy plus soft Dice of the present classes, summed over stages and averaged over the batch.

        Args:
            logits: Output of `forward`.
            truth: Labels [B, X, Y, Z] at full resolution.
            annotated: bool [B, K].
        """
        total = torch.zeros((), device=annotated.device)
        known = [outcomes(self.classes, tuple(sample)) for sample in annotated.tolist()]
        for depth, stage in enumerate(reversed(logits)):
            step = truth.labels.shape[1] // stage.shape[2]
            labels = painted(truth.at((..., *3 * [slice(step // 2, None, step)])), self.classes)
            samples = zip(stage.float().flatten(2), labels.flatten(1), known, strict=True)
            losses = [self._sample(*sample) for sample in samples]
            total = total + COARSER**depth * torch.stack(losses).mean()
        return total

    def _sample(self, z: Tensor, y: Tensor, known: Outcomes) -> Tensor:
        """Loss of one sample from logits [1 + K, V] and labels [V]."""
        log_sum = torch.logsumexp(z, 0)
        impossible = known.possible.log().to(z.device)  # 0, or minus infinity
        log_likely = torch.logsumexp(z + impossible.T.index_select(1, y), 0) - log_sum
        weights = self.balance[y]
        entropy = -(log_likely * weights).sum() / weights.sum()
        present = torch.bincount(y).nonzero().flatten()
        present = present[present != NOTHING]
        if not len(present):
            return entropy
        own = known.own.to(z)[present]
        here = y == present[:, None]
        p, t = torch.where(here, log_likely.exp(), own @ (z - log_sum).exp()), here.float()
        dice = (2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)
        return entropy + (1 - dice).mean()


def painted(truth: Truth, classes: Sequence[str]) -> Tensor:
    """Convert class sets to int64 labels of the same shape: 0, or 1 + class; a lesion overrides its host."""
    of_set = torch.zeros(len(truth.sets), dtype=torch.int64, device=truth.sets.device)
    for k in sorted(range(len(classes)), key=lambda k: STRUCTURES[classes[k]].paint_order):
        of_set[truth.sets[:, k]] = 1 + k
    return of_set[truth.labels]


def root_balance(cases: Iterable[TrainingCase], classes: Sequence[str]) -> Tensor:
    """Voxel weights [1 + K] of background (1) and each class: the square root of its relative rarity, bounded.

    Only cases in which a class is annotated count for it, because elsewhere its voxels are unknown.

    Args:
        cases: Training cases; only their annotated classes and voxel counts are used.
        classes: Structure keys, in the class order of the cases.
    """
    background, inside = torch.zeros(2, len(classes), dtype=torch.float64)
    for case in cases:
        background[torch.from_numpy(case.annotated)] += _background(case, classes)
        for k, voxels in case.voxels.items():
            inside[k] += voxels
    weights = (background.clamp_min(1) / (1 + inside)).sqrt().clamp(max=LARGEST_BALANCE)
    return torch.cat([torch.ones(1), weights.float()])


def _background(case: TrainingCase, classes: Sequence[str]) -> int:
    """Number of voxels without an annotated class; lesion voxels also belong to the host where that is annotated."""
    known = {key for key, looked_for in zip(classes, case.annotated, strict=True) if looked_for}
    outermost = (n for k, n in case.voxels.items() if known.isdisjoint(STRUCTURES[classes[k]].hosts))
    return math.prod(case.shape) - sum(outermost)
