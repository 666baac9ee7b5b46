"""A process that does one task after another; when it dies, that costs the task and not the service."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_rows import Columns, carried_rows, include_carried
from omentum.errors import capture_warnings, lines_of
from omentum.process_pool import GRACE_S, end_process, start_process
from omentum.serve.documents import ErrorDocument, ProgressDocument
from omentum.serve.faults import fault_document
from omentum.serve.work.memory import release_unused_memory

PROGRESS, VALUE, FAULT, CANCELLED, CANCEL = "progress", "value", "fault", "cancelled", "cancel"
CANCEL_GRACE_S = 5.0
"""Seconds that a task has to notice that it is cancelled, before its process is killed."""
LOOK_EVERY_S = 0.2


class TaskFault(Exception):  # noqa: N818  # a fault of the task, described for its user
    """A task failed.

    Args:
        document: Why.
        place: Where it arose, for the log: types and lines of code, no values.
    """

    def __init__(self, document: ErrorDocument, place: str = "") -> None:
        super().__init__(document.reason)
        self.document, self.place = document, place


class TaskCancelledError(BaseException):
    """A task is cancelled; not an `Exception`, so that no `except Exception` swallows it."""


@dataclass(frozen=True)
class TaskContext:
    """In the child: the way back to the service while a task runs.

    Args:
        pipe: To the service.
        number: Of the task.
    """

    pipe: Connection
    number: int

    def report(self, stage: str, done: int | None = None, total: int | None = None) -> None:
        """Report progress.

        Raises:
            TaskCancelledError: the task is cancelled.
        """
        while self.pipe.poll():
            if self.pipe.recv() == (CANCEL, self.number):
                raise TaskCancelledError
        self.pipe.send((PROGRESS, (stage, done, total)))


class ChildProcess:
    """The process; started with its first task, and again after it died.

    Args:
        hidden: Folder whose path no message shows.
        preload: Modules that it imports before its first task.
    """

    def __init__(self, hidden: Path, preload: Sequence[str]) -> None:
        self._hidden, self._preload = hidden, preload
        self._one_at_a_time, self._lock = threading.Lock(), threading.Lock()
        self._number, self._cancelled_at, self._running, self._closed = 0, 0.0, False, False
        self._exceeded_s: float | None = None
        self._ends: tuple[Connection, Any] | None = None

    def run(
        self,
        task: str,
        *arguments: Any,
        report: Callable[[ProgressDocument], None] | None = None,
        limit_s: float | None = None,
    ) -> Any:
        """Run a task and return its value; tasks of other threads wait.

        Args:
            task: "module:function", a function (context, *arguments) -> value; only the child imports its module.
            *arguments: Can be pickled.
            report: Receives its progress.
            limit_s: Seconds after which its process is killed.

        Raises:
            TaskFault: it failed, or its process died.
            TaskCancelledError: it was cancelled.
        """
        with self._one_at_a_time:
            pipe = self._begin()
            try:
                pipe.send((self._number, task, arguments))
                return self._wait(pipe, report, limit_s)
            except (EOFError, OSError) as fault:
                raise self._died() from fault
            finally:
                with self._lock:
                    self._running = False

    def cancel(self) -> None:
        """Cancel the running task: politely, then by killing its process."""
        with self._lock:
            if self._running and not self._cancelled_at:
                self._cancelled_at = time.monotonic()
                self._send_cancel()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._closed = True
            ends, self._ends = self._ends, None
        if ends is not None:
            ends[1].terminate()
            end_process(ends[1], time.monotonic() + GRACE_S)
            ends[0].close()

    @property
    def process_id(self) -> int | None:
        """Of the process; None if there is none now."""
        ends = self._ends
        return None if ends is None else ends[1].pid

    def _begin(self) -> Connection:
        with self._lock:
            if self._closed:
                raise TaskCancelledError
            if self._ends is not None and not self._ends[1].is_alive():
                self._ends[0].close()
                self._ends = None
            if self._ends is None:
                self._ends = start_process(
                    serve_tasks, self._hidden, carried_rows(STRUCTURES.keys), preload=self._preload
                )
            self._number += 1
            self._cancelled_at, self._running, self._exceeded_s = 0.0, True, None
            return self._ends[0]

    def _wait(self, pipe: Connection, report: Callable[[ProgressDocument], None] | None, limit_s: float | None) -> Any:
        began = time.monotonic()
        while True:
            while not pipe.poll(LOOK_EVERY_S):
                now = time.monotonic()
                if self._cancelled_at and now > self._cancelled_at + CANCEL_GRACE_S:
                    self._kill()
                elif limit_s is not None and now > began + limit_s:
                    self._exceeded_s = limit_s
                    self._kill()
            kind, content = pipe.recv()
            if kind == VALUE:
                return content
            if kind == FAULT:
                raise TaskFault(ErrorDocument(**content[0]), content[1])
            if kind == CANCELLED:
                raise TaskCancelledError
            if report is not None:
                stage, done, total = content
                report(ProgressDocument(stage=stage, done=done, total=total))

    def _send_cancel(self) -> None:
        try:
            if self._ends is not None:
                self._ends[0].send((CANCEL, self._number))
        except OSError:
            pass  # it is dead: `run` notices

    def _kill(self) -> None:
        if self._ends is not None:
            self._ends[1].kill()

    def _died(self) -> BaseException:
        with self._lock:
            ends, self._ends, is_cancelled = self._ends, None, bool(self._cancelled_at)
        if ends is None or is_cancelled or self._closed:
            return TaskCancelledError()
        ends[1].join(GRACE_S)
        ends[0].close()
        return TaskFault(_death(ends[1].exitcode) if self._exceeded_s is None else _too_long(self._exceeded_s))


def _too_long(limit_s: float) -> ErrorDocument:
    reason = f"it took longer than {limit_s:g} seconds and was ended"
    return ErrorDocument(error="too_long", reason=reason, remedy="try again later, or with fewer or smaller files")


def _death(code: int | None) -> ErrorDocument:
    if code is not None and code < 0:
        how = f"was killed by signal {-code} ({signal.Signals(-code).name})"
    else:
        how = f"ended with code {code}"
    remedy = "out of memory? try fewer classes, the profile fast, or a machine with more memory"
    return ErrorDocument(error="worker_died", file=None, reason=f"the process that computed it {how}", remedy=remedy)


def serve_tasks(pipe: Connection, hidden: Path, structures: Mapping[str, Columns]) -> None:
    """In the child: run tasks until the pipe is closed.

    Args:
        pipe: To the service.
        hidden: See `ChildProcess`.
        structures: Those that a user added to the packaged ones.
    """
    include_carried(structures)
    while True:
        message = pipe.recv()
        if message[0] == CANCEL:  # of a task that ended meanwhile
            continue
        number, task, arguments = message
        with capture_warnings(lambda _: None, propagate=False):
            try:
                answer = (VALUE, _function(task)(TaskContext(pipe, number), *arguments))
            except TaskCancelledError:
                answer = (CANCELLED, None)
            except TaskFault as fault:
                answer = (FAULT, (fault.document.model_dump(), fault.place))
            except Exception as fault:
                answer = (FAULT, (fault_document(fault, hidden).model_dump(), lines_of(fault)))
        pipe.send(answer)
        del message, arguments, answer
        release_unused_memory()


def _function(task: str) -> Callable[..., Any]:
    module, _, name = task.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found
