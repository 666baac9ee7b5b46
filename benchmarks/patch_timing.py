"""The patch of loader.py and monai_loading.py, and how long it takes to make one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from omentum.spec import PreprocessSpec
from record import Cell

PATCH = (96, 96, 96)
SPEC = PreprocessSpec()
COLUMNS = {
    "what": "{}",
    "patches": "{}",
    "processor ms a patch": "{:.1f}",
    "wall ms a patch": "{:.1f}",
    "patches a processor second": "{:.2f}",
}


class Timed(NamedTuple):
    """What so many patches took."""

    patches: int
    processor_s: float
    wall_s: float

    @property
    def rate(self) -> float:
        """Patches a processor second."""
        return self.patches / self.processor_s

    def row(self, what: str, baseline: Timed) -> list[Cell]:
        """Of a table with `COLUMNS`, and the ratio to a baseline as last cell."""
        ms = (1000 * seconds / self.patches for seconds in (self.processor_s, self.wall_s))
        return [what, self.patches, *ms, self.rate, self.rate / baseline.rate]


def timed(make: Callable[[list[int]], object], patches: int) -> Timed:
    """Make patches one by one."""
    make([0])
    processor, wall = time.process_time(), time.perf_counter()
    for number in range(patches):
        make([number])
    return Timed(patches, time.process_time() - processor, time.perf_counter() - wall)
