import os
import signal
import time

import pytest
import torch

from omentum.anatomy import STRUCTURES
from omentum.data.augmentation import Augmentation
from omentum.data.loader import PatchLoader
from omentum.data.sampler import PatchSampler, Source
from omentum.errors import OmentumError
from toy_cases import toy_case

CPU = torch.device("cpu")
NUMBERS = [range(2 * step, 2 * step + 2) for step in range(5)]


def sampler(cases=None):
    cases = cases or (toy_case(0), toy_case(1))
    return PatchSampler((Source("toys", cases),), STRUCTURES.keys, (16,) * 3, (-175.0, 250.0), Augmentation())


class Slow:
    """A case on a slow disk."""

    def __init__(self, case, seconds=0.0, *, deadly=False):
        self.case, self.seconds, self.deadly, self.parent = case, seconds, deadly, os.getpid()

    def __getattr__(self, name):
        return getattr(self.case, name)

    def box(self, start, size):
        time.sleep(self.seconds)
        if self.deadly and os.getpid() != self.parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.case.box(start, size)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_are_the_same_from_any_number_of_processes(workers):
    found = list(PatchLoader(sampler(), NUMBERS, CPU, workers))
    assert len(found) == len(NUMBERS)
    for batch, numbers in zip(found, NUMBERS, strict=True):
        expected = sampler().batch(numbers)
        assert torch.equal(batch.images, expected.images)
        assert torch.equal(batch.truth.masks(), expected.truth.masks())
        assert batch.names == expected.names


def test_waiting_is_measured():
    slow = PatchLoader(sampler((Slow(toy_case(0), 0.05),)), NUMBERS[:2], CPU, 0)
    for _ in slow:
        time.sleep(0.5)
    assert 0.2 <= slow.waited_s < 1.0


def test_workers_go_on_while_the_network_is_busy():
    loader = PatchLoader(sampler((Slow(toy_case(0), 0.05),)), NUMBERS, CPU, 1)
    batches = iter(loader)
    next(batches)
    first = loader.waited_s
    for _ in batches:
        time.sleep(0.4)
    assert loader.waited_s - first < 0.8  # of 1.6 s, in which the worker had 0.4 s to wait for its disk


def test_a_killed_worker_is_told():
    with pytest.raises(OmentumError, match=r"was killed .*fewer workers"):
        list(PatchLoader(sampler((Slow(toy_case(0), deadly=True),)), NUMBERS, CPU, 1))
