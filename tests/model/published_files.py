"""Files in the published layout, filled with reproducible numbers instead of released weights."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from omentum.model.backbones.swin_unetr import SwinUnetr
from shared_data import shared


def fill() -> ModuleType:
    """The module that fills tensors from their names."""
    spec = importlib.util.spec_from_file_location("fill", shared("parity", "fill.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def published_state(backbone: str, seed: int = 0) -> dict[str, Tensor]:
    """A state dictionary with every name and shape of the published one."""
    entries = json.loads(shared("parity", f"{backbone}_keys.json").read_text())
    integers = {f"backbone.{name}": t for name, t in SwinUnetr().network.state_dict().items() if "index" in name}
    tensor = fill().tensor
    return {
        name: torch.from_numpy(tensor(name, tuple(shape), seed))
        if dtype == "float32"
        else integers.get(name, torch.zeros(shape, dtype=torch.int64))
        for name, (shape, dtype) in entries.items()
    }


def save_as_released(state: dict[str, Tensor], path: Path) -> Path:
    """As the training script saved it: `net` beside other things, `module.` before names, no `backbone.` for Swin."""
    swin = any("swinViT" in name for name in state)
    net = {f"module.{name.removeprefix('backbone.') if swin else name}": t for name, t in state.items()}
    torch.save({"net": net, "optimizer": {"state": {}, "param_groups": []}, "scheduler": {}, "epoch": 490}, path)
    return path
