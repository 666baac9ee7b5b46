"""Run independent parts of a computation in parallel, one thread each, instead of every operation on all threads.

Operations on data that fits a processor's cache are too short to be split: after each of them the threads would wait
for one another, and for long where other work keeps one of them from its core.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch

Item = TypeVar("Item")


def map_on_threads(work: Callable[[Item], None], items: Sequence[Item]) -> None:
    """Call `work` for every item, as many at once as torch has threads; without gradients.

    Args:
        work: Called in any order, from several threads.
        items: Arguments of `work`.

    Raises:
        Exception: the first that `work` raised.
    """
    threads = torch.get_num_threads()
    inferring = torch.is_inference_mode_enabled()  # a setting of each thread

    def without_gradients(item: Item) -> None:
        with torch.inference_mode(inferring), torch.no_grad():
            work(item)

    if threads == 1 or len(items) == 1:
        for item in items:
            without_gradients(item)
    else:
        for _ in _pool(os.getpid(), threads).map(without_gradients, items):
            pass


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Pool of threads in which torch uses one core each; keyed by process, since a fork inherits it without threads."""
    everyone = Barrier(threads)

    def begin(_: int) -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()  # until first asked for, a thread's number is the last one set in any other thread
        everyone.wait()

    pool = ThreadPoolExecutor(threads, f"omentum-{process}")
    list(pool.map(begin, range(threads)))
    torch.set_num_threads(threads)  # for threads created later
    return pool
