"""Log of a run: one JSON line per event, and TensorBoard curves if tensorboard is installed."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path
from typing import Any

from omentum.atomic import replacing
from omentum.json_values import strict_json
from omentum.schemas import Schema, stamped
from omentum.train.run.folder import CURVES, LOG_FILE

LOG_EVERY = 20
"""Steps between lines; their figures are means."""


class RunLog:
    """Log of a run that resumes after `step` steps; later entries of an interrupted run are removed.

    Args:
        run: Folder of the run.
        step: Steps done.
    """

    def __init__(self, run: Path, step: int) -> None:
        self.path = run / LOG_FILE
        if self.path.exists():
            kept = [line for line in self.path.read_text("utf-8").splitlines() if _step_of(line) <= step]
            with replacing(self.path) as file:
                file.write("".join(f"{line}\n" for line in kept).encode())
        self._curves = _curves(run, step)

    def write(self, kind: str, step: int, **figures: Any) -> None:
        """Append one entry.

        Args:
            kind: Kind of event.
            step: Steps done.
            figures: JSON-serialisable values; numbers are also plotted.
        """
        entry = {"kind": kind, "step": step, **figures}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(strict_json(stamped(Schema.TRAINING_LOG, entry)), allow_nan=False) + "\n")
        if self._curves is not None:
            numbers = _flat(figures)
            self._curves.log_metrics({f"{kind}/{name}": value for name, value in numbers.items()}, step)

    def close(self) -> None:
        """Flush and close the TensorBoard writer."""
        if self._curves is not None:
            self._curves.finalize("success")


class Pace:
    """Timing of the last steps.

    Args:
        patches: Number of patches per step.
    """

    def __init__(self, patches: int) -> None:
        self._patches = patches
        self._begin()

    def step(self, waited_s: float) -> None:
        """Count one more finished step."""
        self._steps += 1
        self._waited_s += waited_s

    def figures(self) -> dict[str, float]:
        """Figures since the last call: seconds_a_step, patches_a_second, and waiting (share of time without data)."""
        seconds = time.monotonic() - self._start
        pace = {
            "seconds_a_step": seconds / max(1, self._steps),
            "patches_a_second": self._patches * self._steps / seconds,
            "waiting": self._waited_s / seconds,
        }
        self._begin()
        return pace

    def _begin(self) -> None:
        self._start, self._steps, self._waited_s = time.monotonic(), 0, 0.0


def _step_of(line: str) -> float:
    """Step of a log line; infinite for a line truncated by a kill."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def _curves(run: Path, step: int) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from lightning_fabric.loggers.tensorboard import TensorBoardLogger

    return TensorBoardLogger(run, name=CURVES, version="", purge_step=step + 1)


def _flat(figures: dict[str, Any]) -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, value in figures.items():
        if isinstance(value, dict):
            flat |= {f"{name}/{inner}": number for inner, number in _flat(value).items()}
        elif isinstance(value, int | float):
            flat[name] = float(value)
    return flat
