"""Prefetch batches: patches are cut in worker processes and finished on the device."""

from __future__ import annotations

import pickle
import re
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from omentum.anatomy.structure_rows import Columns, carried_rows, include_carried
from omentum.data.sampling.patches import PatchBatch, RawBatch
from omentum.data.sampling.sampler import PatchSampler
from omentum.errors import OmentumError
from omentum.sockets import sockets_fit

AHEAD = 4
"""Batches that each process makes beyond the one in use."""

PATIENCE_S = 600
"""Without a batch for so long, the processes that make them are given up."""

KILL_TRIES = 10
"""So many seconds a killed process is waited for; one that waits for a disk which is gone cannot be ended at all."""

_SILENCE = "DataLoader timed out"
_DEATH = re.compile(r"DataLoader worker .*(killed|exited)")


class PatchLoader:
    """Iterates over batches and measures the time spent waiting for them.

    With a GPU, workers only cut boxes and everything else runs in batches on the device. On a CPU the workers do all
    work.

    Args:
        sampler: Source of patches.
        batches: Patch numbers of each batch; each process of a distributed run passes its own.
        device: Device of the batches.
        workers: Number of worker processes; 0 uses the iterating process only.

    Attributes:
        waited_s: Seconds spent waiting for a batch.
    """

    def __init__(
        self, sampler: PatchSampler, batches: Iterable[Sequence[int]], device: torch.device, workers: int
    ) -> None:
        self.sampler, self.device, self.waited_s = sampler, device, 0.0
        self._loader = DataLoader(
            _Batches(sampler, finished=device.type == "cpu"),
            batch_size=None,
            sampler=batches,
            num_workers=workers,
            prefetch_factor=AHEAD if workers else None,
            pin_memory=device.type == "cuda",
            timeout=PATIENCE_S if workers else 0,
            worker_init_fn=partial(_begin, carried_rows(sampler.classes)),
        )

    def __iter__(self) -> Iterator[PatchBatch]:
        """Yield the batches in order.

        Raises:
            OmentumError: A worker was killed or does not respond.
            InputError: Several cases in a row cannot be read.
        """
        made = iter(self._loader)
        try:
            while (batch := self._next(made)) is not None:
                yield batch if isinstance(batch, PatchBatch) else self.sampler.augmented(batch.to(self.device))
        except BaseException:
            _kill(getattr(made, "_workers", ()))
            raise

    def _next(self, made: Iterator[PatchBatch | RawBatch | bytes]) -> PatchBatch | RawBatch | None:
        started = time.perf_counter()
        try:
            batch = next(made, None)
            return pickle.loads(batch) if isinstance(batch, bytes) else batch
        except RuntimeError as fault:
            if _SILENCE in str(fault):
                reason = f"the processes that prepare patches made none for {PATIENCE_S} s"
                raise OmentumError(reason, remedy="is the disk with the data there? or use workers = 0") from fault
            if not _DEATH.search(str(fault)):
                raise
            remedy = "memory may be short: use fewer workers or a smaller batch"
            raise OmentumError("a process that prepares patches was killed", remedy=remedy) from fault
        finally:
            self.waited_s += time.perf_counter() - started


class _Batches(Dataset[PatchBatch | RawBatch | bytes]):
    """Dataset of batches by patch number, so that worker processes are stateless.

    A worker passes batches in shared memory, or pickled if shared memory is full (64 MB in many containers) or its
    handle cannot be passed (over a socket). If this were left to the queue, the error would vanish in a worker thread
    and the batch would never arrive.
    """

    def __init__(self, sampler: PatchSampler, *, finished: bool) -> None:
        self.make = sampler.batch if finished else sampler.cut

    def __getitem__(self, indices: Sequence[int]) -> PatchBatch | RawBatch | bytes:
        made = self.make(indices)
        if get_worker_info() is None:
            return made
        if not sockets_fit():
            return pickle.dumps(made)
        try:
            for tensor in _tensors(made):
                tensor.share_memory_()
        except RuntimeError:
            return pickle.dumps(made)
        return made


def _tensors(thing: Any) -> Iterator[torch.Tensor]:
    if isinstance(thing, torch.Tensor):
        yield thing
    elif isinstance(thing, tuple):
        for inner in thing:
            yield from _tensors(inner)
    elif isinstance(thing, PatchBatch | RawBatch):
        yield from _tensors(tuple(vars(thing).values()))


def _kill(workers: Iterable[BaseProcess]) -> None:
    """Kill workers that may no longer respond; torch would wait for them, and they ignore SIGTERM."""
    for worker in workers:
        for _ in range(KILL_TRIES):
            with suppress(RuntimeError):  # raised by torch if it detects the death
                if not worker.is_alive():
                    break
                worker.kill()
                worker.join(1)


def _begin(structures: Mapping[str, Columns], _: int) -> None:
    """Initialise a worker: one thread; Ctrl-C and SIGTERM often reach all processes and are left to the parent."""
    torch.set_num_threads(1)
    include_carried(structures)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
