"""Run record of one case: duration of each stage, warnings, peak memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from omentum.errors import capture_warnings

MIB = 1 << 20


@dataclass
class RunRecord:
    """Filled while a case runs, possibly by several processes in turn.

    Args:
        seconds: Time of each stage, in order.
        warnings: Each message once, in order.
        peak_memory_mb: Peak memory of the processes that worked on the case, and of the device during the case, in MiB.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    peak_memory_mb: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the duration of the block to a stage, in seconds."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - started, 3)
            if sys.platform != "win32":
                self._note_peak("process", _process_peak_mb())

    @contextmanager
    def track_device_memory(self, device: torch.device) -> Iterator[None]:
        """Record the peak memory of the device during the block."""
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        yield
        if device.type == "cuda":
            self._note_peak("device", torch.cuda.max_memory_allocated(device) // MIB)

    @contextmanager
    def capture_warnings(self) -> Iterator[None]:
        """Record every case warning of the block, each once."""
        with capture_warnings(self._note):
            yield

    def to_json(self) -> dict[str, Any]:
        """Entries of the manifest, in JSON values."""
        return {"timings_s": self.seconds, "peak_memory_mb": self.peak_memory_mb, "warnings": self.warnings}

    def _note(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def _note_peak(self, name: str, mb: int) -> None:
        self.peak_memory_mb[name] = max(mb, self.peak_memory_mb.get(name, 0))


def _process_peak_mb() -> int:
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // MIB
