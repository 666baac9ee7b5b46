"""A batch counted down on stderr: a bar with the time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 10.0
"""Without a terminal: at most one line in this time."""


class Countdown:
    """Progress over many things of about the same size.

    Args:
        what: In a word or two, e.g. "preparing".
        silent: Only errors are told.
    """

    def __init__(self, what: str, *, silent: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._what, self._silent = what, silent
        self._start = self._told = time.monotonic()
        self._idle = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if self._console.is_terminal and not silent:
            columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
            self._bar = Progress(*columns, TimeRemainingColumn(), console=self._console, transient=True)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

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

    def _time_left(self, done: int, of: int) -> str:
        worked = done - self._idle
        if worked < 1:
            return ""
        seconds = (time.monotonic() - self._start) / worked * (of - done)
        return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"

    def _line(self, text: str) -> None:
        self._console.print(text.replace("\r", "\\r").replace("\n", "\\n"))
