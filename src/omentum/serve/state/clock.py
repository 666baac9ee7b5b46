"""What happens when the clock of the machine is set: ages decide what is deleted, and must not jump with it."""

from __future__ import annotations

import time
from collections.abc import Callable

from omentum.serve.state.database import Database

TOLERANCE_S = 300.0
"""By how much the clock may be ahead, as by small corrections over the network."""


def _steady() -> float:
    """Seconds that no setting of the clock changes, with those of a machine asleep where the system counts them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class ClockWatch:
    """Keeps the ages of uploads and jobs right when the clock is set while the service runs.

    Set forward, the times from before move with it. What would lie in the future, after the clock was set back, is as
    old as a new one: it is kept longer, but no longer than a new one.

    Args:
        database: See `Database`.
        say: Takes lines for the log.
        wall: Seconds since 1970.
        steady: Seconds that are counted regardless of the clock.
    """

    def __init__(
        self,
        database: Database,
        say: Callable[[str], None],
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = _steady,
    ) -> None:
        self._database, self._say, self._wall, self._steady = database, say, wall, steady
        self._last = wall(), steady()

    def correct(self) -> float:
        """Correct the times where the clock was set since the last call.

        Returns:
            The time now, in seconds since 1970.
        """
        now, steady = self._wall(), self._steady()
        expected = self._last[0] + steady - self._last[1]
        self._last = now, steady
        if now > expected + TOLERANCE_S:
            self._say(
                f"the clock was set forward by {now - expected:.0f} s: the times of uploads and jobs move with it"
            )
            self._change("{column} + ?", "{column} <= ?", [now - expected, expected])
        self._change("?", "{column} > ?", [now, now])
        return now

    def _change(self, value: str, condition: str, numbers: list[float]) -> None:
        columns = [("upload", "created"), *(("job", column) for column in ("created", "started", "ended"))]
        with self._database.transaction() as rows:
            for table, column in columns:
                change = f"UPDATE {table} SET {column} = {value} WHERE {condition}"
                rows.execute(change.format(column=column), numbers)
