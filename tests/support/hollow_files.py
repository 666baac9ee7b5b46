"""Files in the published layout that weigh nothing: every tensor is one zero, seen in the right shape."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from omentum.anatomy import STRUCTURES
from omentum.model.published import published_name
from omentum.model.state import without_memory
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec, PreprocessSpec


def hollow_state(model: ModelSpec) -> dict[str, Tensor]:
    """Published names and shapes of a network for the 32 classes."""
    spec = CheckpointSpec(model, PreprocessSpec(), tuple(ClassSpec(s.key, "") for s in STRUCTURES), "")
    tensors = without_memory(spec, Path("nowhere")).state_dict()
    return {published_name(name): torch.zeros(1).expand(t.shape) for name, t in tensors.items()}


def hollow_unet_state() -> dict[str, Tensor]:
    """The published U-Net, with the statistics it stores and never uses."""
    state = hollow_state(ModelSpec("unet", {"width": 64}))
    state["controller.weight"] = state["controller.weight"][..., None, None, None]
    norms = [name.removesuffix("weight") for name in state if name.endswith("bn1.weight")]
    state |= {f"{norm}{statistic}": torch.zeros(1) for norm in norms for statistic in ("running_mean", "running_var")}
    return state | {f"{norm}num_batches_tracked": torch.tensor(0) for norm in norms}


def save_hollow(path: Path, state: dict[str, Tensor] | None = None) -> Path:
    """The file as `torch.save` writes it."""
    torch.save({"net": hollow_unet_state() if state is None else state}, path)
    return path
