"""Processes that read and write cases while this one computes: each does one task after another.

A process that dies (a crash in foreign code, or killed for want of memory) costs the task it was at, and is replaced.
Interrupted from the keyboard, only this process hears it; it tells the others to clean up and end.
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
"""What a fork server imports once for all workers."""


class WorkerDiedError(OmentumError):
    """The process that was at a task is gone."""


@dataclass(frozen=True)
class TaskResult:
    """What came of a task.

    Args:
        value: Its result, if there is no error.
        error: What it raised.
        warnings: Messages of `CaseWarning`, each once, in order.
    """

    value: Any = None
    error: Exception | None = None
    warnings: tuple[str, ...] = ()


class TaskFuture(Protocol):
    """A result to come."""

    def result(self) -> TaskResult:
        """Wait for it."""
        ...

    def done(self) -> bool:
        """Whether there is nothing to wait for."""
        ...


def run_task(work: Callable[..., Any], *arguments: Any) -> TaskResult:
    """Do a task here and now; an exception is an answer, an interruption is not."""
    value, error, heard = None, None, list[str]()
    with capture_warnings(heard.append, propagate=False):
        try:
            value = work(*arguments)
        except Exception as fault:
            error = fault
    return TaskResult(value, error, tuple(dict.fromkeys(heard)))


@dataclass(frozen=True)
class CompletedTask:
    """A task that is already done."""

    task_result: TaskResult

    def result(self) -> TaskResult:
        """It."""
        return self.task_result

    def done(self) -> bool:
        """Always."""
        return True


class InlineExecutor:
    """Does tasks in this process, each when its answer is asked for."""

    jobs = 0

    def submit(self, work: Callable[..., Any], *arguments: Any) -> TaskFuture:
        """A task for later."""
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
    """Several processes that do tasks; a context, at whose end they are gone.

    Args:
        jobs: How many processes, at least one.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        # A thread for each process only waits for it; what it hands over and gets back is not copied by Python code.
        self._threads = ThreadPoolExecutor(jobs)
        self._free: SimpleQueue[_Worker] = SimpleQueue()
        self._all = [_Worker() for _ in range(jobs)]
        for worker in self._all:
            self._free.put(worker)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[TaskResult]:
        """A task for the next process that is free, in the order of submission.

        Args:
            work: A function at the top level of a module.
            *arguments: Can be pickled; arrays and tensors travel without a copy.
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
        """A new process, unless it was told to end."""
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
    torch.set_num_threads(1)  # the other processors compute
    while True:
        work, arguments = receive(pipe)
        found = run_task(work, *arguments)
        del arguments
        try:
            send(pipe, found)
        except (pickle.PicklingError, TypeError, AttributeError) as fault:
            send(pipe, TaskResult(error=RuntimeError(f"{type(fault).__name__}: {fault} (from {found.error!r})")))
        del found
