"""Independent pieces of work in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_order(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
    """Results in the order of the tasks, as they are finished; both must pickle where there are several processes."""
    if jobs == 1 or len(tasks) <= 1:
        yield from map(work, tasks)
        return
    # spawn: a forked child would inherit locks of whatever threads numpy has started
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, tasks)
