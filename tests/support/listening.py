"""The listening service in a thread, for the time of a test."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pynetdicom import AE

from omentum.pacs.listener import Listener
from omentum.pacs.options import ListenOptions
from omentum.pipeline.options import SaveOptions, SegmentOptions
from omentum.pipeline.segmenter import Segmenter

CT = "1.2.840.10008.5.1.4.1.1.2"
WAIT_S = 120.0


class Listening:
    """A running service: its port and what it said."""

    def __init__(self) -> None:
        self.port, self.said = 0, list[str]()
        self.fault: BaseException | None = None

    def wait_for(self, text: str, times: int = 1) -> str:
        """The log, once it has a text."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            log = "\n".join(self.said)
            if log.count(text) >= times:
                return log
            time.sleep(0.02)
        raise AssertionError(f"not said: {text!r} in {self.said} ({self.fault})")


@contextmanager
def listening(out: Path | None, save: SaveOptions | None = None, **options: object) -> Iterator[Listening]:
    """Start the service on a free port; a series settles in a moment."""
    chosen = ListenOptions(**({"port": 0, "settle_s": 0.3} | options))
    running, stop, ready = Listening(), threading.Event(), threading.Event()
    plain = save or SaveOptions(preview=False, report=False)
    listener = Listener(chosen, Segmenter("default", SegmentOptions(device="cpu")), plain, out, running.said.append)

    def started(port: int) -> None:
        running.port = port
        ready.set()

    def serve() -> None:
        try:
            listener.serve(stop, started)
        except BaseException as fault:
            running.fault = fault
        finally:
            ready.set()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ready.wait(WAIT_S)
        yield running
    finally:
        stop.set()
        thread.join(WAIT_S)
        assert not thread.is_alive()
    if running.fault is not None:
        raise running.fault


def associate(port: int, ae: str = "SENDER", called: str = "OMENTUM", kinds: tuple[str, ...] = (CT,)):
    """A connection of a sender; not established where the service refuses it."""
    entity = AE(ae)
    for kind in kinds:
        entity.add_requested_context(kind, "1.2.840.10008.1.2.1")
    entity.dimse_timeout = entity.acse_timeout = WAIT_S  # a busy machine
    return entity.associate("127.0.0.1", port, ae_title=called)


def send_files(port: int, files: list[Path], ae: str = "SENDER") -> list[int]:
    """Send files in one connection; their statuses."""
    association = associate(port, ae)
    assert association.is_established
    statuses = [association.send_c_store(file).Status for file in files]
    association.release()
    return statuses
