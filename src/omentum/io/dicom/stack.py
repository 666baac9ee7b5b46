"""Pixels of many slices at once: read and decoded side by side, each put straight into its place in the volume."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import silence_library_warnings
from omentum.io.dicom.native import is_native
from omentum.io.dicom.pixels import PixelReader
from omentum.io.dicom.slices import Slice

_MOST_READERS = 8
_SLICES_PER_CHILD = 16
"""Fewer compressed slices than this are not worth starting a further process."""
_AHEAD = 2
"""Slices begun beyond those at work."""


def read_stack(
    slices: Sequence[Slice],
    read: Callable[[PixelReader, Slice], NDArray[Any]],
) -> NDArray[Any]:
    """Read slices into one array.

    Args:
        slices: At least one, all of one shape.
        read: Reads one, shape (columns, rows).

    Returns:
        Shape (columns, rows, slices); each slice is contiguous, as in NIfTI. The type holds those of all slices.

    Raises:
        InputError: As raised by `read`, of the first slice at fault.
    """
    out: NDArray[Any] = np.empty((0, 0, 0), np.int8)
    with silence_library_warnings():
        for k, image in enumerate(_images(slices, read)):
            if not out.size:
                out = np.empty((*image.shape, len(slices)), image.dtype, order="F")
            elif (common := np.result_type(out.dtype, image.dtype)) != out.dtype:
                out = out.astype(common, order="F")
            out[:, :, k] = image
    return out


def _images(slices: Sequence[Slice], read: Callable[[PixelReader, Slice], NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Images in the order of their slices, a few of them read ahead."""
    count = _n_readers(slices)
    free: SimpleQueue[PixelReader] = SimpleQueue()

    def work(one: Slice) -> NDArray[Any]:
        reader = free.get()
        try:
            return read(reader, one)
        finally:
            free.put(reader)

    with ExitStack() as stack:
        for _ in range(count):
            free.put(stack.enter_context(PixelReader()))
        pool = stack.enter_context(ThreadPoolExecutor(count))
        waiting = iter(slices)
        begun: deque[Future[NDArray[Any]]] = deque(pool.submit(work, one) for one in islice(waiting, count + _AHEAD))
        try:
            while begun:
                image = begun.popleft().result()
                begun.extend(pool.submit(work, one) for one in islice(waiting, 1))
                yield image
        finally:
            pool.shutdown(cancel_futures=True)


def _n_readers(slices: Sequence[Slice]) -> int:
    """Threads; each has a process for compressed images."""
    compressed = sum(not is_native(one.encoding) for one in slices)
    wanted = -(-compressed // _SLICES_PER_CHILD) if compressed else len(slices)
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(available, _MOST_READERS, wanted))
