"""Progress of training on stderr: a bar with metrics and remaining time on a terminal, lines otherwise."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn

from omentum.cli.progress import ProgressBar

LINE_EVERY_S = 10.0
"""Minimum time between progress lines if the output is not a terminal."""
SPEED_OVER_S = 600.0
"""Period over which the speed is averaged for the remaining time; a step may take many seconds."""


class TrainProgress(ProgressBar):
    """Reports the events of a training run.

    Args:
        steps: Total number of steps; 0 if an event "begin" tells it.
        silent: Print only warnings.
    """

    def __init__(self, steps: int, *, silent: bool = False) -> None:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        figures = TextColumn("{task.fields[figures]}", markup=False)
        super().__init__(*columns, silent=silent, after=(figures,), speed_over_s=SPEED_OVER_S)
        self._steps = steps
        self._last_line_s = time.monotonic()
        self._task: TaskID | None = None

    def note(self, message: str) -> None:
        """Print one or several lines, unless silent."""
        for line in [] if self._silent else message.split("\n"):
            self._line(line)

    def reading(self, collection: str, done: int, of: int) -> None:
        """Update the number of cases read of a collection."""
        self._advance(f"reading {collection}", done, of)

    def event(self, kind: str, figures: dict[str, Any]) -> None:
        """Report an event, see `omentum.train.loop.EventListener`; unknown kinds are ignored."""
        show = getattr(self, f"_on_{kind}", None)
        if show is not None:
            show(figures)

    def _on_begin(self, figures: Mapping[str, Any]) -> None:
        self._steps = figures["steps"]

    def _on_advance(self, figures: Mapping[str, Any]) -> None:
        self._advance("training", figures["step"], self._steps)

    def _on_validating(self, figures: Mapping[str, Any]) -> None:
        self._advance("validating", figures["done"], figures["of"])

    def _on_step(self, figures: Mapping[str, Any]) -> None:
        text = (
            f"loss {figures['loss']:.3f}  dice loss {figures['dice_loss']:.3f}  "
            f"{figures['patches_a_second']:.2f} patches/s  waiting {100 * figures['waiting']:.0f} %"
        )
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, figures=text)
        else:
            left = (self._steps - figures["step"]) * figures["seconds_a_step"]
            self.note(f"step {figures['step']}/{self._steps}  {text}  {_format_duration(left)} left")

    def _on_validation(self, figures: Mapping[str, Any]) -> None:
        self.note(f"validation at step {figures['step']}: mean Dice {figures['mean_dice']:.3f}")
        self.note("  ".join(f"{key} {dice:.3f}" for key, dice in figures["dice"].items()))

    def _on_warning(self, figures: Mapping[str, Any]) -> None:
        self._line(f"warning: {' '.join(figures['text'].split())}")

    def _advance(self, what: str, done: int, of: int) -> None:
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(what, total=of, figures="")
            if self._bar.tasks[0].description != what:
                self._bar.reset(self._task, description=what, total=of, figures="")
            self._bar.update(self._task, completed=done)
        elif not self._silent and what != "training" and time.monotonic() - self._last_line_s >= LINE_EVERY_S:
            self._last_line_s = time.monotonic()
            self.note(f"{what}: {done} of {of}")


def _format_duration(seconds: float) -> str:
    return (
        f"{seconds / 3600:.1f} h"
        if seconds >= 5400
        else f"{seconds / 60:.0f} min"
        if seconds >= 90
        else f"{seconds:.0f} s"
    )
