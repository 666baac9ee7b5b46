"""Worker processes that read and write cases while this process computes.

A worker that dies (crash of a library, or killed for lack of memory) loses its current task and is replaced. On a
keyboard interrupt only this process gets the signal; it asks the workers to clean up and exit.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Protocol, Self

import torch

from omentum.errors import OmentumError, capture_warnings
from omentum.pipeline.batch.ipc import receive, send
from omentum.process_pool import GRACE_S, end_process, start_process

PRELOAD = ("omentum.pipeline.segmenter",)
"""Modules that a fork server imports once for all workers."""


class WorkerDiedError(OmentumError):
    """The worker running a task has died."""


@dataclass(frozen=True)
class TaskResult:
    """Result of a task.

    Args:
        value: Return value, if there is no error.
        error: Exception raised by the task; None if it succeeded.
        warnings: Messages of `CaseWarning`, each once, in order.
    """

    value: Any = None
    error: Exception | None = None
    warnings: tuple[str, ...] = ()


class TaskFuture(Protocol):
    """A task whose result may not be available yet."""

    def result(self) -> TaskResult:
        """Wait for the result and return it."""
        ...

    def done(self) -> bool:
        """Whether the result is available."""
        ...


def run_task(work: Callable[..., Any], *arguments: Any) -> TaskResult:
    """Run a task in this process; exceptions become part of the result, interrupts are raised."""
    value, error, messages = None, None, list[str]()
    with capture_warnings(messages.append, propagate=False):
        try:
            value = work(*arguments)
        except Exception as fault:
            error = fault
    return TaskResult(value, error, tuple(dict.fromkeys(messages)))


@dataclass(frozen=True)
class CompletedTask:
    """A task whose result is available."""

    task_result: TaskResult

    def result(self) -> TaskResult:
        """Return the result immediately."""
        return self.task_result

    def done(self) -> bool:
        """Always true."""
        return True


class InlineExecutor:
    """Runs tasks in this process, each when its result is requested."""

    jobs = 0

    def submit(self, work: Callable[..., Any], *arguments: Any) -> TaskFuture:
        """Defer a task until its result is requested."""
        return _DeferredTask(work, arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *of_fault: object) -> None:
        pass


@dataclass(frozen=True)
class _DeferredTask:
    work: Callable[..., Any]
    arguments: tuple[Any, ...]

    def result(self) -> TaskResult:
        return run_task(self.work, *self.arguments)

    def done(self) -> bool:
        return False


class WorkerPool:
    """Several worker processes; a context manager that ends them.

    Args:
        jobs: Number of processes, at least one.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        # One thread per process waits for it; data is passed on without copies in Python code.
        self._threads = ThreadPoolExecutor(jobs)
        self._free: SimpleQueue[_Worker] = SimpleQueue()
        self._all = [_Worker() for _ in range(jobs)]
        for worker in self._all:
            self._free.put(worker)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[TaskResult]:
        """Queue a task for the next free process, in the order of submission.

        Args:
            work: Function defined at the top level of a module.
            *arguments: Picklable arguments; arrays and tensors are sent without an intermediate copy.
        """
        return self._threads.submit(self._do, work, arguments)

    def _do(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> TaskResult:
        worker = self._free.get()
        try:
            return worker.do(work, arguments)
        except (EOFError, OSError):
            worker.start()
            died = WorkerDiedError("its process was killed", remedy="out of memory? try fewer --jobs")
            return TaskResult(error=died)
        finally:
            self._free.put(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._all:
            worker.end()
        deadline = time.monotonic() + GRACE_S
        for worker in self._all:
            worker.wait_until(deadline)


class _Worker:
    """One process and the pipe to it."""

    def __init__(self) -> None:
        self._ended = False
        self.start()

    def start(self) -> None:
        """Start a new process, unless the pool is closing."""
        if not self._ended:
            self.pipe, self.process = start_process(_serve, preload=PRELOAD)

    def do(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> TaskResult:
        send(self.pipe, (work, arguments))
        found: TaskResult = receive(self.pipe)
        return found

    def end(self) -> None:
        self._ended = True
        if self.process.is_alive():
            self.process.terminate()

    def wait_until(self, deadline: float) -> None:
        end_process(self.process, deadline)
        self.pipe.close()


def _serve(pipe: Connection) -> None:
    torch.set_num_threads(1)  # leave the other processors to inference
    while True:
        work, arguments = receive(pipe)
        found = run_task(work, *arguments)
        del arguments
        try:
            send(pipe, found)
        except (pickle.PicklingError, TypeError, AttributeError) as fault:
            send(pipe, TaskResult(error=RuntimeError(f"{type(fault).__name__}: {fault} (from {found.error!r})")))
        del found
