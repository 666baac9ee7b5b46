"""What happened to one case: how long each stage took, what its user was warned of, how much memory it needed."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from omentum.errors import CaseWarning

MIB = 1 << 20


@dataclass
class Ledger:
    """Filled while a case runs; read when it is done.

    Args:
        device: Where the case is computed.
        seconds: Time of each stage, in order.
        warnings: Each message once, in order.
    """

    device: torch.device
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - started, 3)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note every `CaseWarning` of the block, then pass all warnings on to whoever listens outside."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CaseWarning)
            try:
                yield
            finally:
                heard = {str(w.message): w for w in caught if issubclass(w.category, CaseWarning)}
                self.warnings += [message for message in heard if message not in self.warnings]
        for warning in caught:
            if warning in heard.values() or not issubclass(warning.category, CaseWarning):
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)

    def peak_memory_mb(self) -> dict[str, int]:
        """Most memory this process ever held, and most the device held during this case, in MiB."""
        peaks = {}
        if sys.platform != "win32":
            import resource

            unit = 1 if sys.platform == "darwin" else 1024
            peaks["process"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // MIB
        if self.device.type == "cuda":
            peaks["device"] = torch.cuda.max_memory_allocated(self.device) // MIB
        return peaks
