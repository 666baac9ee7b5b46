"""The training state and the training step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from omentum.data.sampling.patches import PatchBatch
from omentum.data.sampling.sampler import PatchSource
from omentum.model import UniversalModel
from omentum.model.backbones.recomputation import checkpoint_activations
from omentum.train.config.settings import TrainConfig
from omentum.train.losses.deep_supervision import DeepSupervision, root_balance
from omentum.train.losses.distillation import Distillation
from omentum.train.losses.patch_loss import Loss, PatchLoss, class_subset, configured_loss, voxel_subsample
from omentum.train.optimise.average import AveragedModel
from omentum.train.optimise.optimisers import build_optimisers, set_rates
from omentum.train.optimise.trainable import backbone_learns, train_only
from omentum.train.small_convolutions import train_small_convolutions_in_float32

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class Step:
    """Result of a step.

    Args:
        figures: loss (of the heads), cross_entropy, dice_loss, deep_supervision, containment (if its weight is not 0),
            distillation (if there is any), gradient (norm before clipping).
        taken: False if the gradient was not finite and nothing was changed.
    """

    figures: dict[str, Tensor]
    taken: bool


class Learner:
    """The model, its deep supervision, their optimisers, and the moving average of the model.

    Args:
        model: New model; moved to the device.
        sources: Training cases, for the class weights of deep supervision.
        config: The run.
        fabric: The processes of the run.
        loss: Loss of the generated heads, instead of `configured_loss(config)`.
        distillation: Added to the loss.
    """

    def __init__(
        self,
        model: UniversalModel,
        sources: Sequence[PatchSource],
        config: TrainConfig,
        fabric: Fabric,
        loss: Loss | None = None,
        distillation: Distillation | None = None,
    ) -> None:
        self.model, self.config, self._fabric = model, config, fabric
        train_only(model, config.trained_parts)
        if not backbone_learns(model):
            config = replace(config, deep_supervision_weight=0.0)  # a frozen backbone learns nothing from it
        self.deep_supervision = DeepSupervision(model.backbone, model.spec.class_keys, _balance(model, sources, config))
        self.deep_supervision.requires_grad_(config.deep_supervision_weight > 0)
        self.optimisers = build_optimisers(model, self.deep_supervision, config)
        self._distils = distillation is not None
        losses = PatchLoss(model, self.deep_supervision, loss or configured_loss(config), config, distillation)
        self._network, *optimisers = fabric.setup(losses, *self.optimisers.values())
        self._steppers = optimisers
        self.average = AveragedModel(model, config.ema_decay)
        train_small_convolutions_in_float32(model.backbone)
        if config.activation_checkpointing:
            checkpoint_activations(model.backbone)

    def state(self) -> dict[str, Any]:
        """The training state, compatible with `torch.save` and `torch.load(weights_only=True)`."""
        return {
            "model": self.model.state_dict(),
            "deep_supervision": self.deep_supervision.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "average": self.average.model.state_dict(),
            "updates": self.average.updates,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state returned by `state`."""
        self.model.load_state_dict(state["model"])
        self.deep_supervision.load_state_dict(state["deep_supervision"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.average.model.load_state_dict(state["average"])
        self.average.updates = state["updates"]

    def step(self, batches: Sequence[PatchBatch], number: int, rate: float) -> Step:
        """Update weights and average from this process's batches; nothing changes if the gradient is not finite.

        Args:
            batches: Batches of equal size.
            number: Step number.
            rate: Current fraction of the peak learning rates.
        """
        set_rates(self.optimisers.values(), rate)
        organs = 0 if self._distils else self.config.organs_per_step  # all classes of the teacher are compared
        heads = class_subset(number, organs, self.model.spec.class_keys)
        how = (voxel_subsample(number, self.config.subsample_factor), self.config.balance * rate, heads)
        each = [self._gradient(batch, how, n, len(batches)) for n, batch in enumerate(batches, start=1)]
        figures = {name: torch.stack([one[name] for one in each]).mean() for name in each[0]}
        # Gradients are already synchronised, so all processes take the same decision.
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), self.config.clip_norm)
        taken = bool(norm.isfinite())
        if taken:
            for optimiser in self._steppers:
                optimiser.step()
            self.average.update(self.model)
        for optimiser in self._steppers:
            optimiser.zero_grad(set_to_none=True)
        return Step(figures | {"gradient": norm}, taken)

    def _gradient(self, batch: PatchBatch, how: tuple[Any, ...], part: int, parts: int) -> dict[str, Tensor]:
        tensors = self._fabric.to_device((batch.images, batch.truth, batch.annotated))
        with self._fabric.no_backward_sync(self._network, enabled=part < parts):
            losses = self._network(*tensors, *how)
            self._fabric.backward(losses["total"] / parts)
        return {name: value.detach() for name, value in losses.items() if name != "total"}


def _balance(model: UniversalModel, sources: Sequence[PatchSource], config: TrainConfig) -> Tensor:
    classes = model.spec.class_keys
    if config.balance == 0 and (config.deep_supervision_weight == 0 or not model.backbone.coarse_channels):
        return torch.ones(1 + len(classes))
    return root_balance((case for source in sources for case in source.cases), classes)
