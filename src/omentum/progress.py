"""Who listens to how work goes: a protocol that the command line, a notebook or a service can meet."""

from __future__ import annotations

from typing import Literal, Protocol


class ProgressListener(Protocol):
    """Told of cases, one after another."""

    def begin(self, case: str, number: int, of: int, left: str = "") -> None:
        """A new case is at work.

        Args:
            case: Its name.
            number: Which of all cases it is, from 1.
            of: How many cases there are.
            left: How long all of them will take, in words; see `omentum.formatting.time_left`.
        """

    def progress(self, done: int, of: int) -> None:
        """Parts of the case that are done, and parts in all."""

    def step(self, text: str) -> None:
        """Something of unknown length has begun."""

    def say(self, kind: Literal["warning", "error"], message: str) -> None:
        """A warning or an error."""

    def note(self, message: str) -> None:
        """A line about all cases."""

    def flag(self, text: str) -> None:
        """A quality flag of a result."""


class SilentProgress:
    """A listener that ignores everything."""

    def begin(self, case: str, number: int, of: int, left: str = "") -> None:
        """See `ProgressListener`."""

    def progress(self, done: int, of: int) -> None:
        """See `ProgressListener`."""

    def step(self, text: str) -> None:
        """See `ProgressListener`."""

    def say(self, kind: Literal["warning", "error"], message: str) -> None:
        """See `ProgressListener`."""

    def note(self, message: str) -> None:
        """See `ProgressListener`."""

    def flag(self, text: str) -> None:
        """See `ProgressListener`."""
