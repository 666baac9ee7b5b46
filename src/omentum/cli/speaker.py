"""Telling how it goes on stderr: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import Literal

from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn

from omentum.cli.progress_bar import ProgressBar

PLAIN_STEPS = 4
"""Lines about progress for each case where there is no terminal."""


class Speaker(ProgressBar):
    """Progress of one case after another.

    Args:
        silent: Only warnings and errors are told.
    """

    def __init__(self, *, silent: bool = False) -> None:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
        super().__init__(*columns, silent=silent)
        self._task: TaskID | None = None
        self._case, self._told = "", 0

    def begin(self, case: str, number: int, of: int, left: str = "") -> None:
        """A new case is at work.

        Args:
            case, number, of: Its name, and which of how many it is.
            left: How long all of them will take, in words; see `time_left`.
        """
        self._case, self._told = (case if of == 1 else f"{case} ({number}/{of})"), 0
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(f"{self._case}{left}", total=None)
        elif not self._silent:
            self._line(f"{self._case}: started{left}")

    def progress(self, done: int, of: int) -> None:
        """Windows done and windows in all."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=of)
        elif not self._silent and done * PLAIN_STEPS // of > self._told:
            self._told = done * PLAIN_STEPS // of
            self._line(f"{self._case}: {100 * done // of} %")

    def step(self, text: str) -> None:
        """Something whose end cannot be told is begun."""
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(text, total=None)
        elif not self._silent:
            self._line(text)

    def say(self, kind: Literal["warning", "error"], message: str) -> None:
        """One line, also when silent."""
        self._line(f"{kind}: {message}")

    def note(self, message: str) -> None:
        """One line about the whole command, also when silent."""
        self._line(message)

    def flag(self, text: str) -> None:
        """One line about a result, not when silent."""
        if not self._silent:
            self._line(f"check: {text}")
