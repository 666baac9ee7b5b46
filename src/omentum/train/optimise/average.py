"""Exponential moving average of the weights, which is the result of a run."""

from __future__ import annotations

import copy

import torch

from omentum.model import UniversalModel


class AveragedModel:
    """Exponential moving average of a model's floating-point tensors (Polyak averaging with warm-up).

    Args:
        model: Its current weights initialise the average.
        decay: Long-run decay; at the beginning it is (1 + updates) / (10 + updates).
    """

    def __init__(self, model: UniversalModel, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay, self.updates = decay, 0

    @torch.no_grad()
    def update(self, model: UniversalModel) -> None:
        """Move the average towards the model."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        theirs = model.state_dict()
        for name, mine in self.model.state_dict().items():
            if mine.is_floating_point():
                mine.lerp_(theirs[name].to(mine.dtype), 1 - decay)
