"""Assignment of patches to processes, step by step.

A patch is a pure function of the seed and its number, `step * batch + position`. A run therefore sees the same patches
on any number of processes and any division of their shares, and resumes exactly where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from omentum.data.sampling.loader import PatchLoader
from omentum.data.sampling.patches import Fault, PatchBatch
from omentum.data.sampling.sampler import PatchSampler
from omentum.errors import UsageError


@dataclass(frozen=True)
class Share:
    """The part of each step that one process computes.

    Args:
        batch: Patches per step, over all processes.
        parts: Number of batches per process and step.
        ranks, rank: Number of processes, and the rank of this one.

    Raises:
        UsageError: The batch is not divisible like this.
    """

    batch: int
    parts: int = 1
    ranks: int = 1
    rank: int = 0

    def __post_init__(self) -> None:
        if self.batch % (self.ranks * self.parts):
            raise UsageError(
                f"a batch of {self.batch} cannot be divided among {self.ranks} processes x {self.parts} parts",
                remedy="choose batch as a multiple of processes x accumulate",
            )

    def numbers(self, step: int, part: int) -> range:
        """Patch numbers of one part of a step."""
        size = self.batch // (self.ranks * self.parts)
        start = step * self.batch + (self.rank * self.parts + part) * size
        return range(start, start + size)


@dataclass(frozen=True, eq=False)
class Delivery:
    """The batches of one step.

    Args:
        batches: One per part.
        waited_s: Seconds that training waited for them.
    """

    batches: tuple[PatchBatch, ...]
    waited_s: float

    @property
    def names(self) -> tuple[str, ...]:
        """Case names of all patches in the step."""
        return tuple(name for batch in self.batches for name in batch.names)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Cases that could not be read and were replaced."""
        return tuple(fault for batch in self.batches for fault in batch.faults)


def deliveries(
    sampler: PatchSampler, share: Share, steps: range, device: torch.device, workers: int
) -> Iterator[tuple[int, Delivery]]:
    """Yield the steps of a run with their batches, in order.

    Args:
        sampler: Source of patches.
        share: The share of this process.
        steps: Step numbers.
        device: Device of the batches.
        workers: Number of worker processes.
    """
    numbers = (share.numbers(step, part) for step in steps for part in range(share.parts))
    loader = PatchLoader(sampler, numbers, device, workers)
    arriving, waited_s = iter(loader), 0.0
    for step in steps:
        batches = tuple(next(arriving) for _ in range(share.parts))
        yield step, Delivery(batches, loader.waited_s - waited_s)
        waited_s = loader.waited_s
