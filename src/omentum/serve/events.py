"""Progress of jobs, and the server-sent events made of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from omentum.serve.documents import JobDocument, ProgressDocument
from omentum.serve.faults import ServiceError

MOST_LISTENERS = 200
KEEP_ALIVE_S = 15.0
"""Pause after which a comment is sent, so that proxies keep a silent connection."""
Listener = tuple[asyncio.AbstractEventLoop, asyncio.Event]


class ProgressBoard:
    """The progress of each running job, and its listeners; safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress: dict[str, ProgressDocument] = {}
        self._listeners: dict[str, set[Listener]] = {}
        self.has_ended = False

    def progress(self, job: str) -> ProgressDocument | None:
        """How far a job is; None if it does not run."""
        return self._progress.get(job)

    def update(self, job: str, progress: ProgressDocument | None) -> None:
        """Note how far a job is (None: it ended or waits), and wake those who listen to it."""
        with self._lock:
            if progress is None:
                self._progress.pop(job, None)
            else:
                self._progress[job] = progress
            listeners = list(self._listeners.get(job, ()))
        for loop, event in listeners:
            with suppress(RuntimeError):  # its loop is closed
                loop.call_soon_threadsafe(event.set)

    def end(self) -> None:
        """End all event streams: the service ends."""
        self.has_ended = True
        for job in list(self._listeners):
            self.update(job, self.progress(job))

    @contextmanager
    def listening(self, job: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever there is news of a job.

        Raises:
            ServiceError: too many listen already.
        """
        listener = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            if sum(map(len, self._listeners.values())) >= MOST_LISTENERS:
                raise ServiceError(503, "busy", "too many event streams are open", headers={"Retry-After": "5"})
            self._listeners.setdefault(job, set()).add(listener)
        try:
            yield listener[1]
        finally:
            with self._lock:
                self._listeners[job].discard(listener)
                if not self._listeners[job]:
                    del self._listeners[job]


async def event_lines(
    board: ProgressBoard, job: str, describe: Callable[[], Awaitable[JobDocument | None]]
) -> AsyncIterator[str]:
    """Server-sent events of a job, until it ends, is deleted, or the service ends.

    Args:
        board: Gives the news.
        job: The job.
        describe: The job now; None once it is deleted.
    """
    state = None
    with board.listening(job) as news:
        while (now := await describe()) is not None and not board.has_ended:
            kind = "progress" if now.state is state else "state"
            state = now.state
            yield f"event: {kind}\ndata: {now.model_dump_json()}\n\n"
            if state.is_final:
                return
            while not board.has_ended:
                try:
                    async with asyncio.timeout(KEEP_ALIVE_S):
                        await news.wait()
                    break
                except TimeoutError:
                    yield ": still here\n\n"
            news.clear()
