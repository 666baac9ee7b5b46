"""A batch counted down on stderr: a bar with the time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn

from omentum.cli.progress_bar import ProgressBar, time_left

LINE_EVERY_S = 10.0
"""Without a terminal: at most one line in this time."""


class Countdown(ProgressBar):
    """Progress over many things of about the same size.

    Args:
        what: In a word or two, e.g. "preparing".
        silent: Only errors are told.
    """

    def __init__(self, what: str, *, silent: bool = False) -> None:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        super().__init__(*columns, silent=silent)
        self._what = what
        self._start = self._told = time.monotonic()
        self._idle = 0
        self._task: TaskID | None = None

    def count(self, done: int, of: int, *, worked: bool = True) -> None:
        """So many are done.

        Args:
            done, of: How many.
            worked: Whether the last one took time; those that did not say nothing about the time left.
        """
        self._idle += not worked
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(self._what, total=of)
            self._bar.update(self._task, completed=done, total=of)
        elif not self._silent and time.monotonic() - self._told >= LINE_EVERY_S and done < of:
            self._told = time.monotonic()
            self._line(f"{self._what}: {done} of {of}{self._time_left(done, of)}")

    def error(self, message: str) -> None:
        """One line, also when silent."""
        self._line(f"error: {message}")

    def warning(self, message: str) -> None:
        """One line."""
        self._line(f"warning: {message}")

    def _time_left(self, done: int, of: int) -> str:
        worked = done - self._idle
        if worked < 1:
            return ""
        return time_left((time.monotonic() - self._start) / worked * (of - done))
