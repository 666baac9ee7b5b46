"""How fast a run learns at each of its steps."""

from __future__ import annotations

import math

from omentum.train.config import TrainConfig


def rate_share(config: TrainConfig, step: int) -> float:
    """Share of the peak learning rates: linear warm-up, a plateau of `hold` of the run, then cosine to zero."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    plateau = config.warmup + config.hold * (config.steps - config.warmup)
    if step < plateau:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - plateau) / (config.steps - plateau))))
