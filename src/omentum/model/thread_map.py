"""Pieces of a computation side by side, each on one thread, instead of every operation on all threads.

Operations on what fits a processor's cache are too short to be shared out: after each of them the threads wait for one
another, and where other work keeps one of them from its processor, for long.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch

Piece = TypeVar("Piece")


def side_by_side(work: Callable[[Piece], None], pieces: Sequence[Piece]) -> None:
    """Call `work` for every piece, as many at once as torch has threads; without gradients.

    Raises:
        Exception: the first that `work` raised.
    """
    threads = torch.get_num_threads()
    inferring = torch.is_inference_mode_enabled()  # known to each thread by itself

    def without_gradients(piece: Piece) -> None:
        with torch.inference_mode(inferring), torch.no_grad():
            work(piece)

    if threads == 1 or len(pieces) == 1:
        for piece in pieces:
            without_gradients(piece)
    else:
        for _ in _pool(os.getpid(), threads).map(without_gradients, pieces):
            pass


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads on each of which torch computes alone; of one process: a fork inherits the pool without its threads."""
    everyone = Barrier(threads)

    def begin(_: int) -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()  # until a thread asks for it, its number is the last one set in any other
        everyone.wait()

    pool = ThreadPoolExecutor(threads, f"omentum-{process}")
    list(pool.map(begin, range(threads)))
    torch.set_num_threads(threads)  # for threads to come
    return pool
