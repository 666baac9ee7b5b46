"""Files in the published layout, filled with reproducible numbers instead of released weights."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import torch
from made_up_weights import tensor
from torch import Tensor

from omentum.model.backbones.swin_unetr import SwinUnetr

PARITY = Path(__file__).parent / "parity"


def published_entries(network: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """Name -> shape and dtype of every entry of a published state dictionary."""
    entries = json.loads(gzip.decompress((PARITY / f"{network}_keys.json.gz").read_bytes()))
    return {name: (tuple(shape), dtype) for name, (shape, dtype) in entries.items()}


def published_state(network: str, seed: int = 0) -> dict[str, Tensor]:
    """A state dictionary with every name and shape of the published one."""
    integers = {f"backbone.{name}": t for name, t in SwinUnetr().network.state_dict().items() if "index" in name}
    return {
        name: torch.from_numpy(tensor(name, shape, seed))
        if dtype == "float32"
        else integers.get(name, torch.zeros(shape, dtype=torch.int64))
        for name, (shape, dtype) in published_entries(network).items()
    }


def save_as_released(state: dict[str, Tensor], path: Path) -> Path:
    """As the training script saved it: `net` beside other things, `module.` before names, no `backbone.` for Swin."""
    swin = any("swinViT" in name for name in state)
    net = {f"module.{name.removeprefix('backbone.') if swin else name}": t for name, t in state.items()}
    torch.save({"net": net, "optimizer": {"state": {}, "param_groups": []}, "scheduler": {}, "epoch": 490}, path)
    return path
