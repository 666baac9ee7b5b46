"""When a series is complete: DICOM does not say, so it is when its sender has left or nothing came for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from omentum.pacs.spool import SpooledSeries

OPEN_FACTOR = 6
"""While its association is open, a series is waited for so many times as long."""
MOST_REMEMBERED = 10_000


class Connection(Protocol):
    """A connection of a sender."""

    @property
    def is_established(self) -> bool:
        """Whether it is open."""


@dataclass
class _Arrival:
    """What is known of a series that is coming in."""

    last: float
    images: int = 0
    connections: list[Connection] = field(default_factory=list)


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

    def note(self, series: SpooledSeries, connection: Connection | None = None) -> None:
        """Another image of a series has come."""
        with self._lock:
            arrival = self._coming.setdefault(series, _Arrival(self._clock()))
            arrival.last = self._clock()
            arrival.images += connection is not None
            if connection is not None and connection not in arrival.connections:
                arrival.connections.append(connection)

    def next_complete(self) -> SpooledSeries | None:
        """The series that has been complete for longest, which is then forgotten; None while there is none."""
        with self._lock:
            now = self._clock()
            ready = [(a.last, series) for series, a in self._coming.items() if self._is_complete(a, now)]
            return min(ready, key=lambda pair: pair[0])[1] if ready else None

    def take(self, series: SpooledSeries) -> int | None:
        """Forget a complete series before it is worked on.

        Returns:
            If most of it was already taken: the number of images that came late; None otherwise.
        """
        with self._lock:
            arrival = self._coming.pop(series)
            before = self._taken.get(series, 0)
            self._taken[series] = max(before, arrival.images)
            if len(self._taken) > MOST_REMEMBERED:
                del self._taken[next(iter(self._taken))]
            return arrival.images if 0 < arrival.images < before else None

    def _is_complete(self, arrival: _Arrival, now: float) -> bool:
        is_open = any(connection.is_established for connection in arrival.connections)
        return now - arrival.last >= self._settle * (OPEN_FACTOR if is_open else 1)
