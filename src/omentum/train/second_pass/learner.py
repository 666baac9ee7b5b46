"""The training state of a second pass, and the training step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from omentum.model import UniversalModel
from omentum.train.optimise.average import AveragedModel
from omentum.train.optimise.muon import Muon
from omentum.train.optimise.optimisers import Optimisers, set_rates, with_peaks
from omentum.train.optimise.schedule import share_of_peak
from omentum.train.second_pass.crops import Crop
from omentum.train.second_pass.loss import crop_loss
from omentum.train.second_pass.network import PlainClassifier
from omentum.train.second_pass.settings import SecondPassConfig
from omentum.train.small_convolutions import train_small_convolutions_in_float32

ADAM_BETAS = (0.9, 0.98)
KERNELS, LAST = "backbone.", "backbone.expand"
"""Muon trains the kernels of the backbone but the last ones, whose outputs are unlike each other by intention."""
AUXILIARY_GONE, AUXILIARY_LEFT = 0.8, 0.05
"""The weight of the plain classifier falls to a remainder until this share of the run."""
CAP_FALLS, CAP_GONE = 0.5, 0.9
"""Shares of the run between which the cap of positive weights falls to 1."""


@dataclass(frozen=True)
class SecondPassStep:
    """Result of a step.

    Args:
        figures: loss, cross_entropy, dice_loss, auxiliary, gradient (norm before clipping).
        dice: Class number -> mean soft Dice where the class was present.
        taken: False if the gradient was not finite and nothing was changed.
    """

    figures: dict[str, float]
    dice: dict[int, float]
    taken: bool


class SecondPassLearner:
    """The network, its plain classifier, their optimisers, and the moving average of the network.

    Args:
        network: New network; moved to the device.
        config: The run.
        device: Where it is trained.
    """

    def __init__(self, network: UniversalModel, config: SecondPassConfig, device: torch.device) -> None:
        self.network, self.config, self._device = network.to(device).train(), config, device
        channels, classes = network.backbone.decoded_channels, len(network.spec.classes)
        self.auxiliary = PlainClassifier(channels, classes, config.first_logit).to(device)
        self.optimisers = _optimisers(network, self.auxiliary, config)
        self.average = AveragedModel(network, config.ema_decay)
        train_small_convolutions_in_float32(network.backbone)

    def state(self) -> dict[str, Any]:
        """The training state, compatible with `torch.save` and `torch.load(weights_only=True)`."""
        return {
            "network": self.network.state_dict(),
            "auxiliary": self.auxiliary.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "average": self.average.model.state_dict(),
            "updates": self.average.updates,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state returned by `state`."""
        self.network.load_state_dict(state["network"])
        self.auxiliary.load_state_dict(state["auxiliary"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.average.model.load_state_dict(state["average"])
        self.average.updates = state["updates"]

    def step(self, crops: Sequence[Crop], number: int) -> SecondPassStep:
        """Update weights and average from some crops; nothing changes if the gradient is not finite.

        Args:
            crops: Of this step.
            number: Step number, from 0.
        """
        config = self.config
        share = share_of_peak(number, config.steps, config.warmup_steps, config.plateau_fraction)
        set_rates(self.optimisers.values(), share)
        sums: dict[str, float] = {}
        dice: dict[int, list[float]] = {}
        for crop in crops:
            figures, of_classes = self._gradient(crop, number / config.steps, len(crops))
            for name, value in figures.items():
                sums[name] = sums.get(name, 0.0) + value / len(crops)
            for k, value in of_classes.items():
                dice.setdefault(k, []).append(value)
        parameters = [*self.network.parameters(), *self.auxiliary.parameters()]
        norm = nn.utils.clip_grad_norm_(parameters, config.clip_norm)
        taken = bool(norm.isfinite())
        if taken:
            for optimiser in self.optimisers.values():
                optimiser.step()
            self.average.update(self.network)
        for optimiser in self.optimisers.values():
            optimiser.zero_grad(set_to_none=True)
        means = {k: sum(values) / len(values) for k, values in dice.items()}
        return SecondPassStep(sums | {"gradient": float(norm)}, means, taken)

    def _gradient(self, crop: Crop, progress: float, of: int) -> tuple[dict[str, float], dict[int, float]]:
        """Add the gradient of one crop; returns its figures, and the soft Dice of the classes that are present."""
        network, channels = self.network, list(crop.channels)
        image, truth, near = (one.to(self._device) for one in (crop.image[None], crop.truth, crop.near))
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.config.bf16):
            deep, decoded = network.backbone(image)
            logits = network.head(deep, decoded, network.text_embeddings[channels])
            plain = self.auxiliary(decoded, channels)
        cap = positive_weight_cap(self.config.positive_weight_cap, progress)
        main, helping = (crop_loss(one[0], truth, near, cap) for one in (logits, plain))
        weight = auxiliary_weight(self.config.auxiliary_weight, progress)
        ((main.total + weight * helping.total) / of).backward()
        figures = {
            "loss": main.total,
            "cross_entropy": main.cross_entropy,
            "dice_loss": main.mean_dice_loss,
            "auxiliary": helping.total,
        }
        dice = zip(crop.channels, main.present.tolist(), (1 - main.dice_loss.detach()).tolist(), strict=True)
        return (
            {name: float(value.detach()) for name, value in figures.items()},
            {k: value for k, present, value in dice if present},
        )


def auxiliary_weight(most: float, progress: float) -> float:
    """Weight of the plain classifier's loss after a share of the run; 0 if the setting is 0."""
    return most * max(0.0, 1 - progress / AUXILIARY_GONE) + min(AUXILIARY_LEFT, most)


def positive_weight_cap(most: float, progress: float) -> float:
    """Cap of the weight of positive voxels after a share of the run."""
    left = 1 - (progress - CAP_FALLS) / (CAP_GONE - CAP_FALLS)
    return 1 + (most - 1) * min(1.0, max(0.0, left))


def _optimisers(network: UniversalModel, auxiliary: nn.Module, config: SecondPassConfig) -> Optimisers:
    """Muon for the kernels of the backbone, AdamW for everything else."""
    named = dict(network.named_parameters())
    kernels = {n: p for n, p in named.items() if p.ndim == 5 and n.startswith(KERNELS) and not n.startswith(LAST)}
    others = [*(p for n, p in named.items() if n not in kernels), *auxiliary.parameters()]
    return with_peaks(
        {
            "kernels": Muon(kernels.values(), config.muon_lr),
            "others": torch.optim.AdamW(others, config.lr, ADAM_BETAS, weight_decay=config.weight_decay),
        }
    )
