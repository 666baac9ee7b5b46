"""Renamed settings: an old key is refused with a message that names its replacement."""

from __future__ import annotations

from collections.abc import Mapping

RENAMED: Mapping[str, str] = {
    "accumulate": "accumulation_steps",
    "containment": "containment_weight",
    "ema": "ema_decay",
    "foreground": "foreground_probability",
    "guide": "deep_supervision_weight",
    "head": "head_weight",
    "hold": "plateau_fraction",
    "keep": "keep_checkpoints",
    "matrix_lr": "muon_lr",
    "rate_every": "lr_update_every",
    "voxel_share": "subsample_factor",
    "warmup": "warmup_steps",
}
"""Old key -> new key, of `omentum.train.config.settings.TrainConfig`; the value keeps its meaning."""
