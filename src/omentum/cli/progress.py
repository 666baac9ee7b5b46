"""Progress on stderr: a bar with remaining time on a terminal, plain lines otherwise."""

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
    """Progress bar on a terminal; otherwise `bar` is None and lines are printed.

    Args:
        columns: Columns of the bar; the remaining time is added.
        silent: Show no bar.
        after: Columns after the remaining time.
        speed_over_s: Period over which speed is averaged for the remaining time.
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
    """Progress over a sequence of cases.

    Args:
        silent: Print only warnings and errors.
    """

    def __init__(self, *, silent: bool = False) -> None:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
        super().__init__(*columns, silent=silent)
        self._task: TaskID | None = None
        self._case, self._last_reported = "", 0

    def begin(self, case: str, number: int, of: int, left: str = "") -> None:
        """Start a new case.

        Args:
            case: Case name.
            number: Number of the case, from 1.
            of: Total number of cases.
            left: Remaining time of all cases as text; see `time_left`.
        """
        self._case, self._last_reported = (case if of == 1 else f"{case} ({number}/{of})"), 0
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(f"{self._case}{left}", total=None)
        elif not self._silent:
            self._line(f"{self._case}: started{left}")

    def progress(self, done: int, of: int) -> None:
        """Update the number of windows done and in total."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=of)
        elif not self._silent and done * PLAIN_STEPS // of > self._last_reported:
            self._last_reported = done * PLAIN_STEPS // of
            self._line(f"{self._case}: {100 * done // of} %")

    def step(self, text: str) -> None:
        """Start a stage of unknown duration."""
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
        """Print one line about the whole command, unless silent."""
        if not self._silent:
            self._line(message)

    def flag(self, text: str) -> None:
        """Print one line about a result, unless silent."""
        if not self._silent:
            self._line(f"check: {text}")


class Countdown(ProgressBar):
    """Progress over many items of similar size.

    Args:
        what: Short label, e.g. "preparing".
        silent: Print only warnings and errors.
    """

    def __init__(self, what: str, *, silent: bool = False) -> None:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        super().__init__(*columns, silent=silent)
        self._what = what
        self._start = self._last_reported = time.monotonic()
        self._idle = 0
        self._task: TaskID | None = None

    def progress(self, done: int, of: int, *, worked: bool = True) -> None:
        """Update the number of finished items.

        Args:
            done: Number of finished items.
            of: Total number of items.
            worked: Whether the last item needed work; others are ignored for the remaining time.
        """
        self._idle += not worked
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(self._what, total=of)
            self._bar.update(self._task, completed=done, total=of)
        elif not self._silent and time.monotonic() - self._last_reported >= LINE_EVERY_S and done < of:
            self._last_reported = time.monotonic()
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
