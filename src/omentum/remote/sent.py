"""A case on its way: sent, queued, followed, fetched, deleted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from omentum.client.client import Client
from omentum.client.documents import JobOptions, RemoteJob, RemoteState
from omentum.client.faults import UNREACHABLE, RemoteError
from omentum.errors import OmentumError
from omentum.pipeline.batch.jobs import Job

QUEUE_PAUSE_S = 5.0
"""Before a job is offered again to a service whose queue is full."""


class SendingStoppedError(Exception):
    """The batch ends; nothing more is sent."""


@dataclass(frozen=True)
class SentCase:
    """A case on the service.

    Args:
        job: The case here.
        upload: Its upload.
        remote: Its job there; None if it was not queued.
    """

    job: Job
    upload: str
    remote: str | None

    def discard(self, client: Client) -> None:
        """Cancel and delete what is left of it on the service."""
        client.discard(self.upload, self.remote)


def send_case(client: Client, job: Job, options: JobOptions, stop: threading.Event) -> SentCase:
    """Send a CT and queue it; a full queue is waited for.

    Raises:
        OmentumError: see `Client.upload` and `Client.submit`; then nothing is left on the service.
        SendingStoppedError: the batch ends.
    """
    upload = client.upload(job.source, progress=lambda *_: _go_on(stop))
    try:
        while True:
            _go_on(stop)
            try:
                return SentCase(job, upload, client.submit(upload, options).id)
            except RemoteError as fault:
                if fault.code != "queue_full":
                    raise
            stop.wait(QUEUE_PAUSE_S)
    except BaseException:
        client.discard(upload, None)
        raise


def follow_case(
    client: Client, sent: SentCase, step: Callable[[str], None], windows: Callable[[int, int], None]
) -> None:
    """Wait until a case is done.

    Args:
        client: The service.
        sent: The case.
        step: Called with what the service does.
        windows: Called with windows done and in all.

    Raises:
        RemoteError: it failed, named after the CT here.
    """
    assert sent.remote is not None
    shown = ""

    def watch(news: RemoteJob) -> None:
        nonlocal shown
        if news.total and news.done is not None:
            windows(news.done, news.total)
            return
        waits = news.state is RemoteState.QUEUED
        line = f"waiting, number {news.position} in the queue" if waits else news.stage
        if line and line != shown:
            step(line)
        shown = line

    try:
        client.wait(sent.remote, watch=watch)
    except RemoteError as fault:
        raise named_after(fault, sent.job.source) from fault


def named_after(fault: OmentumError, source: Path) -> OmentumError:
    """An error of a service with the path here: it knows only the names that were sent."""
    if isinstance(fault, RemoteError) and fault.code != UNREACHABLE:
        fault.source = source
    return fault


def _go_on(stop: threading.Event) -> None:
    if stop.is_set():
        raise SendingStoppedError
