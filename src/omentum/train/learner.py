"""What a training step changes, and the step itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from omentum.data.cases import TrainingCase
from omentum.data.packed import unpack
from omentum.data.patches import Batch
from omentum.model import UniversalModel
from omentum.train.config import TrainConfig
from omentum.train.guide import Guide, root_balance
from omentum.train.loss import partial_label_loss
from omentum.train.muon import Muon

SMALLEST_MATRIX = 2000
"""Kernels and matrices of at least so many numbers are trained by Muon, the rest by AdamW."""


@dataclass(frozen=True)
class Learner:
    """The model, its guide and their two optimisers."""

    model: UniversalModel
    guide: Guide
    matrices: Muon
    others: torch.optim.AdamW

    @classmethod
    def build(cls, model: UniversalModel, cases: Iterable[TrainingCase], config: TrainConfig) -> Learner:
        """A fresh learner.

        Args:
            model: On its device.
            cases: What is trained on, for the guide's balance.
            config: Rates and weight decay.
        """
        device = model.text_embeddings.device
        classes = model.spec.class_keys
        guide = Guide(model.backbone, classes, root_balance(cases, classes)).to(device)
        matrices: list[nn.Parameter] = []
        others = list(guide.parameters())
        for parameter in model.parameters():
            large = parameter.ndim >= 2 and parameter.numel() >= SMALLEST_MATRIX
            (matrices if large else others).append(parameter)
        return cls(
            model,
            guide,
            Muon(matrices, config.matrix_lr, weight_decay=config.weight_decay),
            torch.optim.AdamW(others, config.lr, weight_decay=config.weight_decay),
        )

    @property
    def parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Everything with a state, by the name it is saved under."""
        return {"model": self.model, "guide": self.guide, "matrices": self.matrices, "others": self.others}

    def set_rate(self, matrix_lr: float, lr: float) -> None:
        """Learning rates of the next step."""
        for optimiser, rate in ((self.matrices, matrix_lr), (self.others, lr)):
            for group in optimiser.param_groups:
                group["lr"] = rate

    def step(self, batch: Batch, config: TrainConfig, number: int, balance: float) -> dict[str, float]:
        """One update; nothing changes where the loss is not finite.

        Args:
            batch: Patches.
            config: Weights of the losses.
            number: Of the step, which chooses the voxels the heads learn from.
            balance: How far voxels inside rare structures outweigh those outside, 0 (not) to 1; see `root_balance`.

        Returns:
            loss (of the heads), cross_entropy, dice_loss, guide: floats.
        """
        device = self.model.text_embeddings.device
        voxels = lattice(number, config.voxel_share)
        annotated, bits = batch.annotated.to(device), batch.bits.to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.bf16):
            logits, coarse = _sparse_logits(self.model, batch.images.to(device), voxels)
            guesses = self.guide(coarse)
        loss, cross_entropy, dice = partial_label_loss(
            logits, _targets(bits[voxels], logits), annotated, self.guide.balance[1:].clamp(min=1) ** balance
        )
        guide = self.guide.loss(guesses, bits, annotated)
        total = config.head * loss + config.guide * guide
        if torch.isfinite(total):
            self._descend(total, config.clip_norm)
        return {
            "loss": loss.item(),
            "cross_entropy": cross_entropy.item(),
            "dice_loss": dice.item(),
            "guide": guide.item(),
        }

    def _descend(self, total: Tensor, clip_norm: float) -> None:
        for optimiser in (self.matrices, self.others):
            optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_([*self.model.parameters(), *self.guide.parameters()], clip_norm)
        self.matrices.step()
        self.others.step()


def lattice(step: int, share: int) -> tuple[Any, ...]:
    """Every second voxel along as many axes as `share` has factors of two, with all offsets in turn."""
    halved = share.bit_length() - 1
    offsets = [(step >> axis) % 2 for axis in range(3)]
    return (..., *(slice(offsets[axis], None, 2) if axis < halved else slice(None) for axis in range(3)))


def _targets(bits: Tensor, logits: Tensor) -> Tensor:
    """bool [B, K, V] for logits [B, K, V]."""
    return torch.stack([unpack(b, logits.shape[1]) for b in bits]).flatten(2)


def _sparse_logits(model: UniversalModel, images: Tensor, voxels: tuple[Any, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Logits [B, K, V] of the lattice's voxels (all the network is run, the pointwise head only where it learns),
    and the decoder's coarse features where the backbone has them."""
    deep, decoded, coarse = model.backbone.stages(images)
    layers = model.head.layers(deep, model.text_embeddings)
    features = model.head.voxel_features(decoded)
    return model.head.draw(features[voxels].flatten(2), layers), coarse
