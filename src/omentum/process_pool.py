"""Tasks over several processes, where the death of one costs one task and not the batch."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_rows import Columns, carried_rows, include_carried

Rows = Mapping[str, Columns]
Task = TypeVar("Task")
Result = TypeVar("Result")

AHEAD = 2
"""Tasks handed out beyond those at work, so that no process waits for the next one."""


def in_processes(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int
) -> Iterator[tuple[Task, Result | None]]:
    """Do each task in one of several processes; with one job, in this one.

    Args:
        work: A function at module level; expected not to raise.
        tasks: Can be pickled.
        jobs: How many processes.

    Yields:
        Tasks as they are finished; with None in place of the result when the process died of it (a crash in foreign
        code, or killed for want of memory).
    """
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
    """In a new process: end with the parent, however that ends, and at once when interrupted from the keyboard."""
    include_carried(structures)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
