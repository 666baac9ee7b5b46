"""Which patches each process computes, and their delivery by worker processes.

A patch is a pure function of the seed and its number, `step * batch + position`. A run therefore meets the same
patches on any number of processes and however each of them divides its share, and goes on exactly where it stopped.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset

from omentum.data.sampler import Batch, PatchSampler
from omentum.errors import InputError, OmentumError, TrainingError
from omentum.train.config import TrainConfig

RESERVE = 1 << 40
"""Numbers from here on are patches that stand in for those of cases that cannot be read."""

ATTEMPTS = 10
"""So many stand-ins are tried for one patch."""

RETRIES_S = (0.2, 1.0, 3.0)
"""Pauses before a file is read again; a network drive may be away for a moment."""

PREFETCH = 4


@dataclass(frozen=True)
class Share:
    """One process's part of each step.

    Args:
        batch: Patches of a step, over all processes.
        parts: How many batches a process divides its share into.
        ranks, rank: Number of processes, and which of them this is.
    """

    batch: int
    parts: int = 1
    ranks: int = 1
    rank: int = 0

    def __post_init__(self) -> None:
        if self.batch % (self.ranks * self.parts):
            raise TrainingError(
                f"a batch of {self.batch} cannot be divided among {self.ranks} processes x {self.parts} parts",
                remedy="choose batch as a multiple of processes x accumulate",
            )

    def numbers(self, step: int, part: int) -> range:
        """Numbers of the patches of one part of a step."""
        size = self.batch // (self.ranks * self.parts)
        start = step * self.batch + (self.rank * self.parts + part) * size
        return range(start, start + size)


@dataclass(frozen=True, eq=False)
class Delivery:
    """The batches of one step.

    Args:
        batches: One for each part.
        faults: What was said of cases that could not be read; others stand in for them.
        waited_s: How long the training waited for it.
    """

    batches: tuple[Batch, ...]
    faults: tuple[str, ...]
    waited_s: float

    @property
    def names(self) -> tuple[str, ...]:
        """Of all its cases."""
        return tuple(name for batch in self.batches for name in batch.names)


def deliveries(sampler: PatchSampler, config: TrainConfig, share: Share, start: int) -> Iterator[tuple[int, Delivery]]:
    """The steps of a run from `start` on, in order."""
    loader = DataLoader(
        _Parts(sampler, share),
        batch_size=None,
        sampler=range(start * share.parts, config.steps * share.parts),
        num_workers=config.workers,
        prefetch_factor=PREFETCH * share.parts if config.workers else None,
        worker_init_fn=_keep_out_of_signals if config.workers else None,
        pin_memory=torch.cuda.is_available(),
    )
    arriving = iter(loader)
    for step in range(start, config.steps):
        began = time.monotonic()
        parts = [next(arriving) for _ in range(share.parts)]
        faults = tuple(fault for _, said in parts for fault in said)
        yield step, Delivery(tuple(batch for batch, _ in parts), faults, time.monotonic() - began)


class _Parts(Dataset[tuple[Batch, tuple[str, ...]]]):
    """Batches by number, so that worker processes need no state."""

    def __init__(self, sampler: PatchSampler, share: Share) -> None:
        self.sampler, self.share = sampler, share

    def __getitem__(self, number: int) -> tuple[Batch, tuple[str, ...]]:
        torch.set_num_threads(1)
        faults: list[str] = []
        patches = [
            readable_patch(self.sampler, n, faults) for n in self.share.numbers(*divmod(number, self.share.parts))
        ]
        return joined(patches), tuple(faults)


def readable_patch(sampler: PatchSampler, number: int, faults: list[str]) -> Batch:
    """A patch by its number, or one that stands in for it when its case cannot be read.

    Args:
        sampler: Where patches come from.
        number: `step * batch + position`.
        faults: What is wrong with unreadable cases is added here.

    Raises:
        InputError: one case after the other cannot be read.
    """
    for attempt in range(ATTEMPTS):
        try:
            return _checked(_patch(sampler, number + attempt * RESERVE))
        except (OmentumError, OSError) as fault:
            faults.append(str(fault))
    raise InputError(f"{ATTEMPTS} cases in a row cannot be read, the last one: {faults[-1]}")


def joined(patches: list[Batch]) -> Batch:
    """Batches as one."""
    images, bits, annotated = (
        torch.cat([getattr(p, part) for p in patches]) for part in ("images", "bits", "annotated")
    )
    return Batch(images, bits, annotated, tuple(name for p in patches for name in p.names))


def _patch(sampler: PatchSampler, number: int) -> Batch:
    for pause in RETRIES_S:
        try:
            return sampler.batch(number, 1)
        except OSError:
            time.sleep(pause)
    return sampler.batch(number, 1)


def _checked(patch: Batch) -> Batch:
    if not patch.images.isfinite().all():
        raise InputError("holds voxels that are no numbers", source=", ".join(patch.names))
    return patch


def _keep_out_of_signals(worker: int) -> None:
    """Ctrl-C and SIGTERM often reach all processes; only the training decides when its workers end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
