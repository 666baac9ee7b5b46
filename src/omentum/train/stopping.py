"""Graceful stop: a run finishes its step, saves, and reports how to resume."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from omentum.errors import TrainingError

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """Context manager that records SIGTERM and Ctrl-C; a second signal has its default effect."""

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


class StoppedError(TrainingError):
    """A run was interrupted and is saved; the exit code is 128 + signal, as in a shell."""

    def __init__(self, number: int, step: int, run: Any) -> None:
        super().__init__(
            f"stopped by {signal.Signals(number).name} after step {step}, which is saved",
            source=run,
            remedy="the same command goes on from there",
        )
        self.exit_code = 128 + number
