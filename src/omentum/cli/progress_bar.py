"""Telling on stderr: a bar on a terminal, plain lines elsewhere; what every command that takes long shares."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, ProgressColumn, TimeRemainingColumn

LONG_S = 3 * 3600.0
"""More than this is told in hours."""


def time_left(seconds: float) -> str:
    """ ", about 4 min left"."""
    if seconds >= LONG_S:
        return f", about {seconds / 3600:.0f} h left"
    return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"


class ProgressBar:
    """A bar on a terminal; without one, `bar` is None and lines are told instead.

    Args:
        columns: Of the bar; the time left is added.
        silent: No bar.
        after: Columns behind the time left.
        speed_over_s: The time left is judged by so much of the past.
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
