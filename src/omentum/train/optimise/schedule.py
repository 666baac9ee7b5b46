"""How fast a run learns at each of its steps."""

from __future__ import annotations

import math
from dataclasses import replace

from omentum.train.config.settings import TrainConfig


def rate_share(config: TrainConfig, step: int) -> float:
    """Share of the peak learning rates: linear warm-up, a plateau (`plateau_fraction`), then cosine to zero.

    It moves every `lr_update_every` steps. The published schedule moves once an epoch and reaches its peak in the epoch
    before the last of its warm-up of W; it is this one with a warm-up of W - 1 epochs and its last epoch left out, in
    which the rate is 0 (LinearWarmupCosineAnnealingLR of PyTorch Lightning Bolts, stepped before each epoch).
    """
    step -= step % config.lr_update_every
    if step < config.warmup_steps:
        return min(1.0, (step + config.lr_update_every) / config.warmup_steps)
    plateau = config.warmup_steps + config.plateau_fraction * (config.steps - config.warmup_steps)
    if step < plateau:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - plateau) / (config.steps - plateau))))


def may_go_on_as(config: TrainConfig, steps: int, done: int) -> bool:
    """Whether a run of `steps` that has done some of them can become this one: up to there both learn at equal rates.

    That is so while the rate warms up and stays at its peak, and no longer once it falls.

    Args:
        config: The run as it is wanted, with another number of steps.
        steps: Of the run as it was begun.
        done: Steps taken.
    """
    before = replace(config, steps=steps)
    moved = range(0, done, config.lr_update_every)
    return done <= config.steps and all(rate_share(config, step) == rate_share(before, step) for step in moved)
