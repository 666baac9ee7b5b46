"""When a series is complete: DICOM does not say, so it is when its sender has left or nothing came for a while.

A sender that did not take its leave, because it or the network failed, has not sent all: the rest may still come.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from omentum.pacs.spool import SpooledSeries

OPEN_FACTOR = 6
"""While its association is open, a series is waited for so many times as long."""
BROKEN_FACTOR = 60
"""A series whose transfer broke off is waited for so many times as long; then it is given up."""
MOST_REMEMBERED = 10_000


class Connection(Protocol):
    """A connection of a sender."""

    @property
    def is_established(self) -> bool:
        """Whether it is open."""

    @property
    def is_released(self) -> bool:
        """Whether the sender ended it as it should."""


@dataclass
class _Arrival:
    """What is known of a series that is coming in."""

    last: float
    images: int = 0
    connections: list[Connection] = field(default_factory=list)
    was_broken_off: bool = False

    @property
    def is_open(self) -> bool:
        """Whether more may come over a connection."""
        return any(connection.is_established for connection in self.connections)

    @property
    def is_broken_off(self) -> bool:
        """Whether the connection of the last image ended without a release."""
        return not self.connections[-1].is_released if self.connections else self.was_broken_off


class Intake:
    """Series that are coming in; safe for several threads.

    Args:
        settle_s: Seconds without a new image after which a series is complete.
        clock: Monotonic seconds.
    """

    def __init__(self, settle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._settle, self._clock, self._lock = settle_s, clock, threading.Lock()
        self._coming: dict[SpooledSeries, _Arrival] = {}
        self._taken: dict[SpooledSeries, int] = {}

    def note(self, series: SpooledSeries, connection: Connection) -> None:
        """Another image of a series has come."""
        with self._lock:
            arrival = self._coming.setdefault(series, _Arrival(self._clock()))
            arrival.last = self._clock()
            arrival.images += 1
            arrival.connections = [one for one in arrival.connections if one is not connection] + [connection]

    def note_left_over(self, series: SpooledSeries, *, was_broken_off: bool) -> None:
        """A series has been there from the start."""
        with self._lock:
            self._coming[series] = _Arrival(self._clock(), was_broken_off=was_broken_off)

    def next_complete(self) -> SpooledSeries | None:
        """The series that has been complete for longest, which is then forgotten; None while there is none."""
        with self._lock:
            now = self._clock()
            ready = [(a.last, series) for series, a in self._coming.items() if self._is_complete(a, now)]
            return min(ready, key=lambda pair: pair[0])[1] if ready else None

    def take(self, series: SpooledSeries) -> str | None:
        """Forget a complete series before it is worked on.

        Returns:
            Why it must not be segmented, because images are missing; None otherwise.
        """
        with self._lock:
            arrival = self._coming.pop(series)
            if arrival.is_broken_off and not arrival.is_open:
                return "its transfer broke off, and the rest did not come; send it again"
            before = self._taken.get(series, 0)
            self._taken[series] = max(before, arrival.images)
            if len(self._taken) > MOST_REMEMBERED:
                del self._taken[next(iter(self._taken))]
            if not 0 < arrival.images < before:
                return None
            late = f"{arrival.images} images came after the series was taken for complete"
            return f"{late}; send it again, with a longer --settle"

    def _is_complete(self, arrival: _Arrival, now: float) -> bool:
        factor = OPEN_FACTOR if arrival.is_open else BROKEN_FACTOR if arrival.is_broken_off else 1
        return now - arrival.last >= self._settle * factor
