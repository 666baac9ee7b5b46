"""What a run needs to go on exactly where it stopped; a kill costs the work since the last save, never more."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import torch

from omentum.errors import CheckpointError
from omentum.model import UniversalModel

STATE_FILE = "state.pt"


class AveragedModel:
    """Exponential moving average of a model's floating-point tensors (Polyak averaging with a warm-up).

    Args:
        model: Its present weights are the first average.
        decay: Long-run decay; early on it is (1 + updates) / (10 + updates).
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


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write the run's state atomically."""
    part = folder / f".{STATE_FILE}.tmp-{os.getpid()}"
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / STATE_FILE)


def load_state(folder: Path) -> dict[str, Any] | None:
    """The run's state, or None for a fresh run.

    Raises:
        CheckpointError: the file is damaged.
    """
    path = folder / STATE_FILE
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as fault:  # torch raises many kinds, none of them meant for a user
        raise CheckpointError(
            "this training state is damaged", source=path, remedy="remove it to start this run again"
        ) from fault
    assert isinstance(state, dict)
    return state


class RunLog:
    """One JSON object a line, appended and flushed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **entry: Any) -> None:
        """Append one entry."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
