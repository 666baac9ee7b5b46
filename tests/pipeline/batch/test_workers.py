import os
import signal
import threading
import time
from multiprocessing import Pipe

import numpy as np
import pytest
import tasks
import torch
from own_structures import included

from omentum.errors import InputError
from omentum.pipeline.batch.ipc import receive, send
from omentum.pipeline.batch.workers import InlineExecutor, WorkerDiedError, WorkerPool, run_task


@pytest.fixture(scope="module")
def pool():
    with WorkerPool(1) as pool:
        yield pool


def test_arrays_go_there_and_back_with_warnings(pool):
    array = np.asfortranarray(np.arange(24, dtype=np.uint64).reshape(2, 3, 4))
    found = pool.submit(tasks.doubled, array).result()
    np.testing.assert_array_equal(found.value, array * 2)
    assert (found.value.dtype, found.error, found.warnings) == (np.uint64, None, ("large",))
    tensor = torch.arange(6.0).reshape(2, 3)
    assert torch.equal(pool.submit(tasks.doubled, tensor).result().value, tensor * 2)


def test_an_exception_is_an_answer_with_all_it_says(pool):
    ours, theirs = (pool.submit(tasks.fails, kind).result().error for kind in ("ours", "other"))
    assert isinstance(ours, InputError)
    assert str(ours) == "a.nii: is no CT (give a CT)"
    assert isinstance(theirs, ZeroDivisionError)


def test_the_death_of_a_process_costs_one_task(pool):
    promises = [pool.submit(tasks.dies), pool.submit(tasks.doubled, np.ones(3))]
    assert isinstance(promises[0].result().error, WorkerDiedError)
    np.testing.assert_array_equal(promises[1].result().value, [2, 2, 2])


def test_nothing_half_written_stays_when_the_work_is_interrupted(tmp_path):
    def interrupted():
        with WorkerPool(1) as pool:
            pool.submit(tasks.writes_for_long, str(tmp_path))
            until = time.monotonic() + 60
            while not list(tmp_path.glob(".case.tmp-*/half.txt")) and time.monotonic() < until:
                time.sleep(0.05)
            assert list(tmp_path.iterdir())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_a_key_pressed_is_not_heard_by_the_processes(pool):
    """A terminal interrupts the whole group; the parent alone decides what that means."""
    for worker in pool._all:
        os.kill(worker.process.pid, signal.SIGINT)
    np.testing.assert_array_equal(pool.submit(tasks.doubled, np.ones(1)).result().value, [2])


def test_without_processes_a_task_waits_until_it_is_asked_for():
    done = []
    future = InlineExecutor().submit(done.append, 1)
    assert done == []
    assert future.result().error is None
    assert done == [1]


def test_an_interruption_is_no_answer():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_task(interrupted)


def test_what_is_large_goes_through_a_pipe_in_parts():
    ours, theirs = Pipe()
    sent = {"bits": np.arange(1 << 18, dtype=np.uint64), "empty": np.zeros((0, 3)), "text": "x"}
    thread = threading.Thread(target=send, args=(ours, sent))
    thread.start()
    got = receive(theirs)
    thread.join()
    np.testing.assert_array_equal(got["bits"], sent["bits"])
    assert got["empty"].shape == (0, 3)
    assert got["bits"].flags.writeable


def test_a_worker_knows_the_structures_of_its_sender(pool, tmp_path):
    included(tmp_path)
    assert pool.submit(tasks.number_of, "vertebra_L1").result().value == 33
