"""Termination by signals (scancel, docker stop, a closed terminal): cleans up as after Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from omentum.errors import EndedError

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def unwinding() -> Iterator[None]:
    """In this block, termination signals raise `EndedError` (once), so that partial output is cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    # A process started with nohup ignores SIGHUP.
    default_handled = [number for number in SIGNALS if before[number] == signal.SIG_DFL]
    for number in default_handled:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in default_handled:
            signal.signal(number, before[number])


def _end(number: int, _: FrameType | None) -> None:
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # cleanup has started
    raise EndedError(number)
