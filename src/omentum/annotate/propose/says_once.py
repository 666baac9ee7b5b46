"""A listener that says nothing twice, for several predictions of the same cases."""

from __future__ import annotations

from typing import Literal

from omentum.progress import ProgressListener


class SaysOnce:
    """Passes progress on, and every warning, error, note and flag the first time only.

    Args:
        listener: Receives it.
    """

    def __init__(self, listener: ProgressListener) -> None:
        self._listener = listener
        self._said: set[tuple[str, str]] = set()

    def begin(self, case: str, number: int, of: int, left: str = "") -> None:
        """See `ProgressListener.begin`."""
        self._listener.begin(case, number, of, left)

    def progress(self, done: int, of: int) -> None:
        """See `ProgressListener.progress`."""
        self._listener.progress(done, of)

    def step(self, text: str) -> None:
        """See `ProgressListener.step`."""
        self._listener.step(text)

    def say(self, kind: Literal["warning", "error"], message: str) -> None:
        """See `ProgressListener.say`."""
        if self._is_new(kind, message):
            self._listener.say(kind, message)

    def note(self, message: str) -> None:
        """See `ProgressListener.note`."""
        if self._is_new("note", message):
            self._listener.note(message)

    def flag(self, text: str) -> None:
        """See `ProgressListener.flag`."""
        if self._is_new("flag", text):
            self._listener.flag(text)

    def _is_new(self, kind: str, text: str) -> bool:
        new = (kind, text) not in self._said
        self._said.add((kind, text))
        return new
