import multiprocessing
import os
import signal
import time

import pytest
import torch
from toy_cases import toy_case

from omentum.anatomy import STRUCTURES
from omentum.data.sampling import loader
from omentum.data.sampling.augmentation import Augmentation
from omentum.data.sampling.loader import PatchLoader
from omentum.data.sampling.sampler import PatchSampler, PatchSource
from omentum.errors import OmentumError

CPU = torch.device("cpu")
NUMBERS = [range(2 * step, 2 * step + 2) for step in range(5)]


def sampler(cases=None):
    cases = cases or (toy_case(0), toy_case(1))
    return PatchSampler((PatchSource("toys", cases),), STRUCTURES.keys, (16,) * 3, (-175.0, 250.0), Augmentation())


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
    slow = PatchLoader(sampler((Slow(toy_case(0), 0.05),)), NUMBERS, CPU, 1)
    batches = iter(slow)
    next(batches)
    first = slow.waited_s
    for _ in batches:
        time.sleep(0.4)
    assert slow.waited_s - first < 0.8  # of 1.6 s, in which the worker had 0.4 s to wait for its disk


def test_a_killed_worker_is_told():
    with pytest.raises(OmentumError, match=r"was killed .*fewer workers"):
        list(PatchLoader(sampler((Slow(toy_case(0), deadly=True),)), NUMBERS, CPU, 1))


def no_room(*_):
    raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1_2_3>: No space left on device (28)")


@pytest.mark.parametrize("fails_at", [1, 4])
def test_batches_come_all_the_same_where_shared_memory_is_full(monkeypatch, fails_at):
    """In a container with little of it; a fault in the queue's thread would be lost and the batch never come."""
    calls, share = [], torch.Tensor.share_memory_

    def sometimes(tensor):
        calls.append(tensor)
        return no_room() if len(calls) >= fails_at else share(tensor)

    monkeypatch.setattr(torch.Tensor, "share_memory_", sometimes)
    monkeypatch.setattr(torch.UntypedStorage, "_share_fd_cpu_", no_room)  # what the queue would call
    monkeypatch.setattr(loader, "PATIENCE_S", 20)
    for batch, numbers in zip(PatchLoader(sampler(), NUMBERS, CPU, 1), NUMBERS, strict=True):
        assert torch.equal(batch.images, sampler().batch(numbers).images)


def test_batches_come_all_the_same_where_the_temporary_folder_is_too_long_for_a_socket(monkeypatch):
    monkeypatch.setattr(loader, "sockets_fit", lambda: False)
    monkeypatch.setattr(torch.UntypedStorage, "_share_fd_cpu_", no_room)  # what hands batches over at a socket
    monkeypatch.setattr(loader, "PATIENCE_S", 20)
    for batch, numbers in zip(PatchLoader(sampler(), NUMBERS, CPU, 1), NUMBERS, strict=True):
        assert torch.equal(batch.images, sampler().batch(numbers).images)


def test_processes_that_make_nothing_are_given_up_and_ended(monkeypatch):
    monkeypatch.setattr(loader, "PATIENCE_S", 1)
    before = set(multiprocessing.active_children())
    with pytest.raises(OmentumError, match="made none for 1 s"):
        list(PatchLoader(sampler((Slow(toy_case(0), 60),)), NUMBERS, CPU, 2))
    assert not set(multiprocessing.active_children()) - before


def test_a_loader_that_is_left_ends_its_processes():
    before = set(multiprocessing.active_children())
    batches = iter(PatchLoader(sampler((Slow(toy_case(0), 0.5),)), NUMBERS, CPU, 2))
    next(batches)
    batches.close()
    assert not set(multiprocessing.active_children()) - before


def test_a_process_that_cannot_be_killed_is_not_waited_for_for_ever():
    """One that waits for a disk which is gone ends when the disk comes back."""

    class Stuck:
        killed = 0

        def is_alive(self):
            return True

        def kill(self):
            self.killed += 1

        def join(self, seconds):
            assert seconds <= 1

    stuck = Stuck()
    loader._kill([stuck])
    assert stuck.killed == loader.KILL_TRIES
