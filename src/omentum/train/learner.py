"""What a training step changes, and the step itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from omentum.data.augment import unpack
from omentum.data.sampler import Batch, Source
from omentum.model import UniversalModel
from omentum.train.average import AveragedModel
from omentum.train.config import TrainConfig
from omentum.train.guide import Guide, root_balance
from omentum.train.loss import partial_label_loss
from omentum.train.optimisers import build_optimisers, set_rates
from omentum.train.recompute import recompute_blocks

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Loss = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
"""Logits [B, K, V], bool targets [B, K, V] and bool annotated [B, K] -> the loss, and two parts of it for the log."""


@dataclass(frozen=True)
class Step:
    """What came of a step.

    Args:
        figures: loss (of the heads), cross_entropy, dice_loss, guide, gradient (norm before clipping).
        taken: False where the gradient was not finite and nothing was changed.
    """

    figures: dict[str, Tensor]
    taken: bool


class PatchLoss(nn.Module):
    """Model and guide as one module that turns a batch into its losses, so that a gradient is one thing to exchange.

    Every patch has a loss of its own and a batch has their mean. It therefore does not matter which process or which
    part of a step a patch falls into, whatever the loss divides by.
    """

    def __init__(self, model: UniversalModel, guide: Guide, loss: Loss, config: TrainConfig) -> None:
        super().__init__()
        self.model, self.guide = model, guide
        self._loss, self._weights = loss, (config.head, config.guide)

    def forward(self, images: Tensor, bits: Tensor, annotated: Tensor, voxels: tuple[Any, ...]) -> dict[str, Tensor]:
        """Total and its parts, scalars.

        Args:
            images, bits, annotated: As in `Batch`, on the model's device.
            voxels: The lattice the heads learn from; see `lattice`.
        """
        logits, coarse = _sparse_logits(self.model, images, voxels)
        guesses = self.guide(coarse)
        with torch.autocast(logits.device.type, enabled=False):
            targets = _targets(bits[voxels], logits)
            each = [self._loss(*(x[None] for x in patch)) for patch in zip(logits, targets, annotated, strict=True)]
            loss, cross_entropy, dice = (torch.stack(part).mean() for part in zip(*each, strict=True))
            guide = self.guide.loss(guesses, bits, annotated)
        total = self._weights[0] * loss + self._weights[1] * guide
        return {"total": total, "loss": loss, "cross_entropy": cross_entropy, "dice_loss": dice, "guide": guide}


class Learner:
    """The model, its guide, their optimisers, and the average of the model.

    Args:
        model: Fresh; moved to the device.
        sources: The training cases, for the guide's balance.
        config: The run.
        fabric: The processes that learn together.
        loss: Of the generated heads.
    """

    def __init__(
        self,
        model: UniversalModel,
        sources: Sequence[Source],
        config: TrainConfig,
        fabric: Fabric,
        loss: Loss = partial_label_loss,
    ) -> None:
        self.model, self.config, self._fabric = model, config, fabric
        self.guide = Guide(model.backbone, model.spec.class_keys, _balance(model, sources, config))
        self.optimisers = build_optimisers(model, self.guide, config)
        self._network, *optimisers = fabric.setup(PatchLoss(model, self.guide, loss, config), *self.optimisers.values())
        self._steppers = optimisers
        self.average = AveragedModel(model, config.ema)
        if config.activation_checkpointing:
            recompute_blocks(model.backbone)

    def state(self) -> dict[str, Any]:
        """Everything that changes while it learns, as `torch.save` and `torch.load(weights_only=True)` take it."""
        return {
            "model": self.model.state_dict(),
            "guide": self.guide.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "average": self.average.model.state_dict(),
            "updates": self.average.updates,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.model.load_state_dict(state["model"])
        self.guide.load_state_dict(state["guide"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.average.model.load_state_dict(state["average"])
        self.average.updates = state["updates"]

    def step(self, batches: Sequence[Batch], number: int, rate: float) -> Step:
        """One update of weights and average from this process's batches; nothing changes where it is not finite.

        Args:
            batches: Equally large.
            number: Of the step.
            rate: Share of the peak learning rates.
        """
        set_rates(self.optimisers.values(), rate)
        voxels = lattice(number, self.config.voxel_share)
        each = [self._gradient(batch, voxels, n, len(batches)) for n, batch in enumerate(batches, start=1)]
        figures = {name: torch.stack([one[name] for one in each]).mean() for name in each[0]}
        # Gradients are those of all processes together, so that all come to the same decision.
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), self.config.clip_norm)
        taken = bool(norm.isfinite())
        if taken:
            for optimiser in self._steppers:
                optimiser.step()
            self.average.update(self.model)
        for optimiser in self._steppers:
            optimiser.zero_grad(set_to_none=True)
        return Step(figures | {"gradient": norm}, taken)

    def _gradient(self, batch: Batch, voxels: tuple[Any, ...], part: int, parts: int) -> dict[str, Tensor]:
        tensors = self._fabric.to_device((batch.images, batch.bits, batch.annotated))
        with self._fabric.no_backward_sync(self._network, enabled=part < parts):
            losses = self._network(*tensors, voxels)
            self._fabric.backward(losses["total"] / parts)
        return {name: value.detach() for name, value in losses.items() if name != "total"}


def lattice(step: int, share: int) -> tuple[Any, ...]:
    """Every second voxel along as many axes as `share` has factors of two, with all offsets in turn."""
    halved = share.bit_length() - 1
    offsets = [(step >> axis) % 2 for axis in range(3)]
    return (..., *(slice(offsets[axis], None, 2) if axis < halved else slice(None) for axis in range(3)))


def _balance(model: UniversalModel, sources: Sequence[Source], config: TrainConfig) -> Tensor:
    classes = model.spec.class_keys
    if not model.backbone.coarse_channels or config.guide == 0:
        return torch.ones(1 + len(classes))
    return root_balance((case.bits for source in sources for case in source.cases), classes)


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
