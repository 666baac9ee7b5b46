"""Child processes: they end with their parent, and the death of one costs one task and not the batch.

Two uses: `map_in_processes` runs many tasks over a pool; `start_process` starts one process with a pipe to it. No child
outlives its parent, however the parent ends (`end_with_parent`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_all_start_methods, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_rows import Columns, carried_rows, include_carried
from omentum.errors import UsageError
from omentum.sockets import sockets_fit

Rows = Mapping[str, Columns]
Task = TypeVar("Task")
Result = TypeVar("Result")

AHEAD = 2
"""Tasks handed out beyond those at work, so that no process waits for the next one."""
GRACE_S = 10.0
"""Seconds that a process has to clean up after it was asked to end."""


def map_in_processes(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int
) -> Iterator[tuple[Task, Result | None]]:
    """Run each task in one of several processes; with one job, in this one.

    Args:
        work: A function at module level; expected not to raise.
        tasks: Can be pickled.
        jobs: Number of processes, from 1.

    Yields:
        Each task with its result, in the order of completion; None in place of the result where the process died (a
        crash in a library, or killed because memory ran out).

    Raises:
        UsageError: Fewer than one process.
    """
    if jobs < 1:
        raise UsageError(f"jobs must be at least 1, got {jobs}")
    if jobs == 1:
        yield from ((task, work(task)) for task in tasks)
        return
    waiting = deque(tasks)
    while waiting:
        suspects = deque((yield from _until_one_dies(work, waiting, jobs, AHEAD)))
        while suspects:  # one at a time, so that the next death has one to blame
            for task in (yield from _until_one_dies(work, suspects, 1, 0)):
                yield task, None


def _until_one_dies(
    work: Callable[[Task], Result], waiting: deque[Task], jobs: int, ahead: int
) -> Generator[tuple[Task, Result | None], None, list[Task]]:
    """Take tasks from `waiting` until there are none or a process dies; return what was handed out and not finished."""
    at_work: dict[Future[tuple[Result, Rows]], Task] = {}
    with _pool(min(jobs, len(waiting))) as pool:
        try:
            while waiting or at_work:
                while waiting and len(at_work) < jobs + ahead:
                    at_work[pool.submit(_done, work, waiting[0])] = waiting[0]
                    waiting.popleft()
                for future in wait(at_work, return_when=FIRST_COMPLETED).done:
                    result, structures = future.result()
                    include_carried(structures)
                    yield at_work.pop(future), result
        except BrokenProcessPool:
            return list(at_work.values())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return []


def _done(work: Callable[[Task], Result], task: Task) -> tuple[Result, Rows]:
    """A task's result, and the structures that came along with the files it read."""
    return work(task), carried_rows(STRUCTURES.keys)


def _pool(jobs: int) -> ProcessPoolExecutor:
    # spawn: a forked child would inherit locks of whatever threads are running
    rows = carried_rows(STRUCTURES.keys)
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(rows,))


def _begin(structures: Mapping[str, Columns]) -> None:
    """In a new process of the pool: end with the parent, and at once when interrupted from the keyboard."""
    include_carried(structures)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()


def start_process(
    serve: Callable[..., None], *arguments: Any, preload: Sequence[str] = ()
) -> tuple[Connection, BaseProcess]:
    """Start a process that runs `serve(pipe, *arguments)`.

    It ignores Ctrl-C (the parent decides), unwinds on SIGTERM, prints no warnings and ends with its parent.

    Args:
        serve: A function at the top level of a module.
        *arguments: Can be pickled.
        preload: Modules that a fork server imports once for all such processes.

    Returns:
        This end of the pipe, and the process.
    """
    context = _fork_free_context(preload)
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(serve, theirs, *arguments))
    process.start()
    theirs.close()
    return ours, process


def end_process(process: BaseProcess, deadline: float) -> None:
    """Wait for a process to end, and kill it after the deadline.

    Args:
        process: Has been asked to end.
        deadline: A moment of `time.monotonic`, in seconds.
    """
    process.join(max(0.0, deadline - time.monotonic()))
    if process.is_alive():
        process.kill()
        process.join()


def end_with_parent(grace_s: float = 0.0) -> None:
    """Make this process end when its parent has ended, even if the parent was killed.

    Args:
        grace_s: Seconds between SIGTERM, on which this process may clean up, and its exit; 0: exit at once.
    """
    threading.Thread(target=_wait_for_parent, args=(grace_s,), daemon=True).start()


def _wait_for_parent(grace_s: float) -> None:
    parent = parent_process()
    if parent is None:
        return
    connection.wait([parent.sentinel])
    if grace_s:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_s)
    os._exit(1)


def _fork_free_context(preload: Sequence[str]) -> Any:
    """How processes are started; not by plain fork, whose child inherits locks of whatever threads are running.

    A fork server imports everything once, so that more processes cost little time and memory.
    """
    if "forkserver" not in get_all_start_methods() or not sockets_fit():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context


def _run(serve: Callable[..., None], pipe: Connection, *arguments: Any) -> None:
    """In the new process: signals and warnings as `start_process` describes, then `serve`."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # of libraries; what concerns a case travels in its result
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # unwinds, so that nothing half-written stays
    end_with_parent(GRACE_S)
    try:
        serve(pipe, *arguments)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        sys.exit(1)  # nobody reads the pipe any more
