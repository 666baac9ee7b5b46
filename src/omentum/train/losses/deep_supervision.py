"""Plain classifiers on the decoder's coarse features: a short way for gradients into the backbone.

The generated heads form slowly, and 32 separate yes/no questions leave a young network with the answer "no". One
softmax over all structures makes them compete, and it learns at once (deep supervision: Lee et al., AISTATS 2015).
What a case does not have annotated counts as whatever its label says wherever it may lie there (`marginal`): with
background, or with the organ that holds it. The probabilities are added up before the loss.
The classifiers are used in training only and never part of a checkpoint.
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
    """One softmax classifier per decoder stage; empty for a backbone that offers no stages.

    Args:
        backbone: Its `coarse_channels` say how many.
        classes: Structure keys, in the order of the cases' classes.
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

    def loss(self, logits: Sequence[Tensor], truth: Truth, annotated: Tensor) -> Tensor:
        """Marginal cross-entropy plus soft Dice of what is present, summed over stages and averaged over the batch.

        Args:
            logits: As `forward` returns them.
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
        """One sample: logits [1 + K, V], labels [V]."""
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
    """int64 labels of the same shape as the truth's: 0, or 1 + class, a lesion over its host."""
    of_set = torch.zeros(len(truth.sets), dtype=torch.int64, device=truth.sets.device)
    for k in sorted(range(len(classes)), key=lambda k: STRUCTURES[classes[k]].paint_order):
        of_set[truth.sets[:, k]] = 1 + k
    return of_set[truth.labels]


def root_balance(cases: Iterable[TrainingCase], classes: Sequence[str]) -> Tensor:
    """Weights [1 + K] of a voxel of background (1) and of each class: the root of how much rarer it is, bounded.

    Both are counted in the cases that have the class annotated: what nobody looked for is neither there nor absent.

    Args:
        cases: What is trained on; only what is annotated and their numbers of voxels are looked at.
        classes: Structure keys, in the order of the cases' classes.
    """
    background, inside = torch.zeros(2, len(classes), dtype=torch.float64)
    for case in cases:
        background[torch.from_numpy(case.annotated)] += _background(case, classes)
        for k, voxels in case.voxels.items():
            inside[k] += voxels
    weights = (background.clamp_min(1) / (1 + inside)).sqrt().clamp(max=LARGEST_BALANCE)
    return torch.cat([torch.ones(1), weights.float()])


def _background(case: TrainingCase, classes: Sequence[str]) -> int:
    """Voxels of no annotated class; those of a lesion are its host's too, where that is annotated."""
    known = {key for key, looked_for in zip(classes, case.annotated, strict=True) if looked_for}
    outermost = (n for k, n in case.voxels.items() if known.isdisjoint(STRUCTURES[classes[k]].hosts))
    return math.prod(case.shape) - sum(outermost)
