"""Telling how it goes on stderr: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

PLAIN_STEPS = 4
"""Lines about progress for each case where there is no terminal."""


class Speaker:
    """Progress of one case after another.

    Args:
        silent: Only warnings and errors are told.
    """

    def __init__(self, *, silent: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._silent = silent
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._case, self._told = "", 0
        if self._console.is_terminal and not silent:
            columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
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

    def begin(self, case: str, number: int, of: int) -> None:
        """A new case is at work."""
        self._case, self._told = (case if of == 1 else f"{case} ({number}/{of})"), 0
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(self._case, total=None)
        elif not self._silent:
            self._line(f"{self._case}: started")

    def progress(self, done: int, of: int) -> None:
        """Windows done and windows in all."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=of)
        elif not self._silent and done * PLAIN_STEPS // of > self._told:
            self._told = done * PLAIN_STEPS // of
            self._line(f"{self._case}: {100 * done // of} %")

    def say(self, kind: Literal["warning", "error"], message: str) -> None:
        """One line, also when silent."""
        self._line(f"{kind}: {message}")

    def flag(self, text: str) -> None:
        """One line about a result, not when silent."""
        if not self._silent:
            self._line(f"check: {text}")

    def _line(self, text: str) -> None:
        self._console.print(text.replace("\r", "\\r").replace("\n", "\\n"))
