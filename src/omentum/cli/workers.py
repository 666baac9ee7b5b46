"""Independent pieces of work in several processes, each of which may die without harm to the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def worked(work: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[tuple[Item, Result | None]]:
    """Items and results as they are finished.

    Args:
        work: Can be pickled, and so can what it gives; what it raises is raised here.
        items: Can be pickled.
        jobs: Processes; 1 works in this one.

    Yields:
        An item and its result; None when its process was killed (as the system does when memory runs out).
    """
    if jobs == 1 or len(items) < 2:
        yield from ((item, work(item)) for item in items)
        return
    left = []
    with _pool(min(jobs, len(items))) as pool:
        futures = {pool.submit(work, item): item for item in items}
        for future in as_completed(futures):
            try:
                yield futures[future], future.result()
            except BrokenProcessPool:
                left.append(futures[future])
    # One process was killed and the pool with it. Whose it was shows when each item has a process of its own.
    for item in left:
        yield item, _alone(work, item)


def _alone(work: Callable[[Item], Result], item: Item) -> Result | None:
    try:
        with _pool(1) as pool:
            return pool.submit(work, item).result()
    except BrokenProcessPool:
        return None


def _pool(jobs: int) -> ProcessPoolExecutor:
    # spawn: a forked child would inherit locks of whatever threads numpy has started
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
