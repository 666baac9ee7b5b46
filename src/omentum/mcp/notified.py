"""Progress of a batch as notifications: a number that only grows, and a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from omentum.progress import SilentProgress

Notify = Callable[[float, float, str], None]
"""Called with what is done, all there is, and a line; raises what has to end the work."""

NETWORK_SHARE = 0.8
"""Share of a case's progress that is the network's; the rest is reading and writing."""
_STEP = 0.02
"""Progress for each part of unknown length."""
_PERCENT = 0.01
"""Smaller progress is not worth a notification."""


class NotifiedProgress(SilentProgress):
    """Turns the progress of cases into notifications; keeps the notes and warnings.

    Args:
        notify: Receives them.
    """

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._case, self._number, self._of = "", 1, 1
        self._within, self._sent = 0.0, -1.0
        self.notes: list[str] = []

    def begin(self, case: str, number: int, of: int, left: str = "") -> None:
        """See `ProgressListener.begin`."""
        self._case, self._number, self._of, self._within = case, number, of, 0.0
        self._send(f"{case}: started{left}")

    def progress(self, done: int, of: int, *, worked: bool = True) -> None:
        """See `ProgressListener.progress`."""
        self._within = max(self._within, NETWORK_SHARE * done / of)
        if self._position() - self._sent >= _PERCENT or done == of:
            self._send(f"{self._case}: {100 * done // of} %")

    def step(self, text: str) -> None:
        """See `ProgressListener.step`."""
        self._within = min(self._within + _STEP, 1.0)
        self._send(text)

    def say(self, kind: Literal["warning", "error"], message: str) -> None:
        """Keep it, and send it as the line of a notification."""
        self.notes.append(f"{kind}: {message}")
        self._send(f"{kind}: {message}")

    def note(self, message: str) -> None:
        """Keep it."""
        self.notes.append(message)

    def _position(self) -> float:
        return self._number - 1 + self._within

    def _send(self, line: str) -> None:
        self._sent = max(self._position(), self._sent + _PERCENT / 10)
        self._notify(self._sent, float(self._of), line)
