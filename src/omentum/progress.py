"""Who listens to how work goes: a protocol that the command line, a notebook or a service can meet."""

from __future__ import annotations

from typing import Any, Literal, Protocol


class ProgressListener(Protocol):
    """Receives the progress of cases, one after another."""

    def begin(self, case: str, number: int, of: int, left: str = "") -> None:
        """Processing of a new case has begun.

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
        """Report a warning or an error of the case."""

    def note(self, message: str) -> None:
        """Report a line about all cases."""

    def flag(self, text: str) -> None:
        """Report a quality flag of a result."""


class TaskListener(Protocol):
    """Receives the progress of many tasks of about the same size: cases to prepare, check or read."""

    def progress(self, done: int, of: int, *, worked: bool = True) -> None:
        """Another task is done.

        Args:
            done: Tasks done.
            of: Tasks in all.
            worked: False where the last one took no time, because its result was there already.
        """

    def say(self, kind: Literal["warning", "error"], message: str) -> None:
        """A warning or an error about one task."""

    def note(self, message: str) -> None:
        """A line about all of them."""


class TrainingListener(Protocol):
    """Receives the progress of a training run."""

    def reading(self, collection: str, done: int, of: int) -> None:
        """Cases of a collection that have been read.

        Args:
            collection: Its name.
            done: Cases read.
            of: Cases in all.
        """

    def event(self, kind: str, figures: dict[str, Any]) -> None:
        """Something happened; `omentum.train.loop.EventListener` lists the kinds with their figures."""

    def note(self, message: str) -> None:
        """A line, or several, about the run."""


class SilentProgress:
    """Ignores all progress; meets every protocol of this module."""

    def begin(self, case: str, number: int, of: int, left: str = "") -> None:
        """See `ProgressListener.begin`."""

    def progress(self, done: int, of: int, *, worked: bool = True) -> None:
        """See `TaskListener.progress`."""

    def step(self, text: str) -> None:
        """See `ProgressListener.step`."""

    def say(self, kind: Literal["warning", "error"], message: str) -> None:
        """See `TaskListener.say`."""

    def note(self, message: str) -> None:
        """See `TaskListener.note`."""

    def flag(self, text: str) -> None:
        """See `ProgressListener.flag`."""

    def reading(self, collection: str, done: int, of: int) -> None:
        """See `TrainingListener.reading`."""

    def event(self, kind: str, figures: dict[str, Any]) -> None:
        """See `TrainingListener.event`."""


SILENT = SilentProgress()
"""The default of everything that reports progress."""
