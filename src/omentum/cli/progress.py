"""Progress on stderr: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Literal, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from omentum.formatting import time_left

PLAIN_STEPS = 4
"""Progress lines per case if the output is not a terminal."""
LINE_EVERY_S = 10.0
"""Minimum time between progress lines if the output is not a terminal."""


class ProgressBar:
    """A bar on a terminal; elsewhere `bar` is None and lines are printed instead.

    Args:
        columns: Of the bar; the time left is added.
        silent: No bar.
        after: Columns behind the time left.
        speed_over_s: Period over which speed is averaged for the time left.
    """

    def __init__(
        self,
        *columns: ProgressColumn,
        silent: bool = False,
        after: tuple[ProgressColumn, ...] = (),
        speed_over_s: float = 30.0,
    ) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._silent = silent
        self._bar: Progress | None = None
        if self._console.is_terminal and not silent:
            shown = (*columns, TimeRemainingColumn(), *after)
            self._bar = Progress(*shown, console=self._console, transient=True, speed_estimate_period=speed_over_s)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _line(self, text: str) -> None:
        self._console.print(text.replace("\r", "\\r").replace("\n", "\\n"))


class ProgressReporter(ProgressBar):
    """Progress of one case after another.

    Args:
        silent: Only warnings and errors are printed.
    """

    def __init__(self, *, silent: bool = False) -> None:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
        super().__init__(*columns, silent=silent)
        self._task: TaskID | None = None
        self._case, self._told = "", 0

    def begin(self, case: str, number: int, of: int, left: str = "") -> None:
        """A new case is at work.

        Args:
            case: Its name.
            number: Which of the cases it is, from 1.
            of: How many cases there are.
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
        """A part of unknown length begins."""
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(text, total=None)
        elif not self._silent:
            self._line(text)

    def say(self, kind: Literal["warning", "error"], message: str) -> None:
        """Print one line, also when silent."""
        self._line(f"{kind}: {message}")

    def note(self, message: str) -> None:
        """One line about the whole command, also when silent."""
        self._line(message)

    def flag(self, text: str) -> None:
        """One line about a result, not when silent."""
        if not self._silent:
            self._line(f"check: {text}")


class Countdown(ProgressBar):
    """Progress over many things of about the same size.

    Args:
        what: In a word or two, e.g. "preparing".
        silent: Only warnings and errors are printed.
    """

    def __init__(self, what: str, *, silent: bool = False) -> None:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        super().__init__(*columns, silent=silent)
        self._what = what
        self._start = self._told = time.monotonic()
        self._idle = 0
        self._task: TaskID | None = None

    def progress(self, done: int, of: int, *, worked: bool = True) -> None:
        """So many are done.

        Args:
            done: How many are done.
            of: How many there are.
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

    def say(self, kind: Literal["warning", "error"], message: str) -> None:
        """Print one line, also when silent."""
        self._line(f"{kind}: {message}")

    def note(self, message: str) -> None:
        """Print one line, unless silent."""
        if not self._silent:
            self._line(message)

    def _time_left(self, done: int, of: int) -> str:
        worked = done - self._idle
        if worked < 1:
            return ""
        return time_left((time.monotonic() - self._start) / worked * (of - done))
