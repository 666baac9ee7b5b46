"""Learning rate schedule."""

from __future__ import annotations

import math
from dataclasses import replace

from omentum.train.config.settings import TrainConfig


def rate_share(config: TrainConfig, step: int) -> float:
    """Fraction of the peak learning rates: linear warm-up, a plateau (`plateau_fraction`), then cosine decay to zero.

    It is updated every `lr_update_every` steps. The published schedule is updated once per epoch and reaches its peak
    one epoch before the end of its warm-up of W epochs. It equals this schedule with a warm-up of W - 1 epochs, without
    the last epoch, in which the rate is 0 (LinearWarmupCosineAnnealingLR of PyTorch Lightning Bolts, stepped before
    each epoch).
    """
    return share_of_peak(step, config.steps, config.warmup_steps, config.plateau_fraction, config.lr_update_every)


def share_of_peak(step: int, steps: int, warmup_steps: int, plateau_fraction: float, update_every: int = 1) -> float:
    """`rate_share` for settings given one by one."""
    step -= step % update_every
    if step < warmup_steps:
        return min(1.0, (step + update_every) / warmup_steps)
    plateau = warmup_steps + plateau_fraction * (steps - warmup_steps)
    if step < plateau:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - plateau) / (steps - plateau))))


def may_go_on_as(config: TrainConfig, steps: int, done: int) -> bool:
    """Whether a run begun with `steps` can continue with a new number of steps: its rates so far must be equal."""
    before = replace(config, steps=steps)
    moved = range(0, done, config.lr_update_every)
    return done <= config.steps and all(rate_share(config, step) == rate_share(before, step) for step in moved)
