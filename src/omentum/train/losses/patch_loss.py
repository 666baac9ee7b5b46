"""From a batch of patches to the losses of a training step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.class_sets import Truth
from omentum.model import UniversalModel
from omentum.train.config.settings import TrainConfig
from omentum.train.losses.deep_supervision import DeepSupervision
from omentum.train.losses.distillation import Distillation
from omentum.train.losses.loss import Containment, partial_label_loss

Loss = Callable[..., tuple[Tensor, Tensor, Tensor]]
"""Logits [B, K, V], bool targets [B, K, V], bool annotated [B, K] and, where `TrainConfig.balance` is not 0, float [K]
weights of voxels inside -> the loss, and two parts of it for the log; see `loss.partial_label_loss`."""


def configured_loss(config: TrainConfig) -> Loss:
    """The configured loss of the generated heads, on the subsampled voxels."""
    planes = config.patch[0] // min(2, config.subsample_factor)
    return partial(
        partial_label_loss,
        cross_entropy=config.cross_entropy,
        dice="present" if config.dice == "present" else "annotated",
        slabs=planes if config.dice == "slabs" else 1,
    )


class PatchLoss(nn.Module):
    """Model and deep supervision as one module from a batch to its losses, so that gradients are synchronised once.

    Each patch has its own loss and a batch has their mean, so the result does not depend on which process or
    micro-batch computes a patch.
    """

    def __init__(
        self,
        model: UniversalModel,
        deep_supervision: DeepSupervision,
        loss: Loss,
        config: TrainConfig,
        distillation: Distillation | None = None,
    ) -> None:
        super().__init__()
        self.model, self.deep_supervision = model, deep_supervision
        self.distillation = distillation
        self._loss, self._weights = loss, (config.head_weight, config.deep_supervision_weight)
        self._containment, self._inside = config.containment_weight, Containment.among(model.spec.class_keys)

    def forward(
        self,
        images: Tensor,
        truth: Truth,
        annotated: Tensor,
        voxels: tuple[Any, ...],
        balance: float,
        classes: Sequence[int] | None = None,
    ) -> dict[str, Tensor]:
        """Total loss and its parts, as scalars.

        Args:
            images: float32 [B, 1, x, y, z], windowed to 0..1, on the model's device.
            truth: Labels [B, x, y, z] and their class sets.
            annotated: bool [B, K], the annotated classes.
            voxels: Voxels used for the heads; see `voxel_subsample`.
            balance: Weight of voxels inside rare structures, from 0 (none) to 1; see `root_balance`.
            classes: Classes whose heads learn, see `class_subset`; None for all.
        """
        chosen = slice(None) if classes is None else list(classes)
        logits, coarse = self.model.logits_at(images, voxels, classes)
        guesses = self.deep_supervision(coarse) if self._weights[1] else []
        with torch.autocast(logits.device.type, enabled=False):
            targets = truth.at(voxels).masks().transpose(0, 1).flatten(2)[:, chosen]
            weights = [self.deep_supervision.balance[1:][chosen].clamp(min=1) ** balance] if balance else []
            patches = zip(logits.split(1), targets.split(1), annotated[:, chosen].split(1), strict=True)
            each = [self._loss(*patch, *weights) for patch in patches]
            loss, cross_entropy, dice = (torch.stack(part).mean() for part in zip(*each, strict=True))
            deep_supervision = self.deep_supervision.loss(guesses, truth, annotated) if guesses else loss.new_zeros(())
            figures = {
                "loss": loss,
                "cross_entropy": cross_entropy,
                "dice_loss": dice,
                "deep_supervision": deep_supervision,
            }
            total = self._weights[0] * loss + self._weights[1] * deep_supervision
            if self._containment and classes is None:
                figures["containment"] = self._inside.loss(logits, annotated)
                total = total + self._containment * figures["containment"]
            if self.distillation is not None:
                figures["distillation"] = self.distillation(images, voxels, logits)
                total = total + self.distillation.weight * figures["distillation"]
        return {"total": total, **figures}


def voxel_subsample(step: int, factor: int) -> tuple[Any, ...]:
    """Index of every second voxel along log2(`factor`) axes, cycling through all offsets."""
    halved = factor.bit_length() - 1
    offsets = [(step >> axis) % 2 for axis in range(3)]
    return (..., *(slice(offsets[axis], None, 2) if axis < halved else slice(None) for axis in range(3)))


def class_subset(step: int, organs: int, classes: Sequence[str]) -> tuple[int, ...] | None:
    """Classes whose heads learn in a step: all lesions, and so many other structures in turn; None for all.

    The heads are the costliest part of a step where the backbone is small, and organs are learned long before lesions.

    Args:
        step: Step number.
        organs: `TrainConfig.organs_per_step`; 0 for all.
        classes: Structure keys in the model's order.
    """
    others = [k for k, key in enumerate(classes) if not STRUCTURES[key].is_lesion]
    if not 0 < organs < len(others):
        return None
    turns = [others[(step * organs + n) % len(others)] for n in range(organs)]
    return tuple(sorted({*turns, *(k for k in range(len(classes)) if k not in others)}))
