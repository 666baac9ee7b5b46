"""Assignment of weights to optimisers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from omentum.train.config.settings import TrainConfig
from omentum.train.optimise.muon import Muon

SMALLEST_MATRIX = 2000
"""Kernels and matrices of at least so many numbers are trained by Muon, the rest by AdamW."""

SGD_MOMENTUM = 0.9

PEAK = "peak"
"""Entry of a parameter group: its learning rate when the schedule is at 1."""

Optimisers = dict[str, torch.optim.Optimizer]


def build_optimisers(model: nn.Module, deep_supervision: nn.Module, config: TrainConfig) -> Optimisers:
    """Build the optimisers of a run, by the name they are saved under.

    Args:
        model: Kernels and matrices may use a different optimiser than other parameters.
        deep_supervision: Always optimised like the other parameters.
        config: `optimiser`, learning rates and weight decay.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if config.optimiser == "muon":
        large = {id(p) for p in trainable if p.ndim >= 2 and p.numel() >= SMALLEST_MATRIX}
        others = [*deep_supervision.parameters(), *(p for p in trainable if id(p) not in large)]
        matrices = [p for p in trainable if id(p) in large]
        found: Optimisers = {}
        if matrices:  # an optimiser refuses to have none; few parameters may be trainable
            found["matrices"] = Muon(matrices, config.muon_lr, weight_decay=config.weight_decay)
        if others:
            found["others"] = torch.optim.AdamW(others, config.lr, weight_decay=config.weight_decay)
    elif config.optimiser == "adamw":
        everything = [*deep_supervision.parameters(), *trainable]
        found = {"all": torch.optim.AdamW(everything, config.lr, weight_decay=config.weight_decay)}
    else:
        everything = [*deep_supervision.parameters(), *trainable]
        sgd = torch.optim.SGD(everything, config.lr, SGD_MOMENTUM, weight_decay=config.weight_decay)
        found = {"all": sgd}
    return with_peaks(found)


def with_peaks(optimisers: Optimisers) -> Optimisers:
    """The same optimisers, whose learning rates `set_rates` takes for the peak."""
    for optimiser in optimisers.values():
        for group in optimiser.param_groups:
            group[PEAK] = group["lr"]
    return optimisers


def set_rates(optimisers: Iterable[torch.optim.Optimizer], share: float) -> None:
    """Set the learning rates of the next step, as a fraction of each group's peak."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group[PEAK] * share
