"""A job followed to its end, over broken connections and restarts of the service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from omentum.client.connection import ATTEMPTS, PAUSE_S, ServiceConnection
from omentum.client.documents import RemoteJob
from omentum.client.events import event_data
from omentum.client.faults import RemoteError

PATIENCE_S = 120.0
"""A service that cannot be reached for so long while a job is followed is given up; the job goes on there."""
_HEADERS = {"Accept": "text/event-stream"}


def follow_job(connection: ServiceConnection, job: str) -> Iterator[RemoteJob]:
    """Yield a job whenever there is news, at last in its final state; a connection that breaks is made again.

    Args:
        connection: To the service.
        job: Identifier.

    Raises:
        RemoteError: no such job, or the service stays out of reach.
    """
    heard = time.monotonic()
    while True:
        try:
            with connection.stream("GET", f"/jobs/{job}/events", headers=_HEADERS) as answer:
                for raw in _events(connection, answer.iter_raw()):
                    heard = time.monotonic()
                    yield (news := connection.made(RemoteJob.from_json, raw))
                    if news.state.is_final:
                        return
        except RemoteError as fault:
            if not fault.is_passing or time.monotonic() - heard > PATIENCE_S:
                raise
        time.sleep(PAUSE_S * ATTEMPTS)


def _events(connection: ServiceConnection, stream: Iterator[bytes]) -> Iterator[Any]:
    try:
        yield from event_data(stream)
    except (ValueError, RecursionError) as fault:
        raise connection.nonsense(fault) from fault
