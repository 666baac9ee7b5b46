"""Distillation: a model being trained keeps what a frozen model says of the classes both have.

Learning without forgetting (Li and Hoiem, TPAMI 2018) with a sigmoid per class instead of one softmax: new classes do
not take probability from old ones, so the probabilities of the frozen model can be used as they are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from omentum.model import UniversalModel


class Distillation(nn.Module):
    """Divergence of a model's probabilities from those of a frozen one, on the same patches.

    Args:
        teacher: The frozen model; its classes are the first ones of the model that is trained.
        weight: Factor of this loss.
    """

    def __init__(self, teacher: UniversalModel, weight: float) -> None:
        super().__init__()
        self.teacher = teacher.eval().requires_grad_(False)
        self.weight = weight

    def forward(self, images: Tensor, voxels: tuple[Any, ...], logits: Tensor) -> Tensor:
        """Kullback-Leibler divergence between the two Bernoulli distributions of each voxel and class.

        Args:
            images: [B, 1, x, y, z], as the trained model saw them.
            voxels: Index of the voxels of `logits`.
            logits: Of the trained model, [B, K, V].

        Returns:
            Scalar: summed over the teacher's classes, averaged over voxels and patches; 0 where both agree.
        """
        with torch.no_grad():
            said = torch.sigmoid(self.teacher.logits_at(images, voxels)[0].float())
            entropy = F.binary_cross_entropy(said, said, reduction="none")
        now = logits[:, : said.shape[1]].float()
        divergence = F.binary_cross_entropy_with_logits(now, said, reduction="none") - entropy
        return divergence.mean(2).sum(1).mean()

    def train(self, mode: bool = True) -> Distillation:
        """The teacher stays in evaluation mode."""
        return super().train(False)
