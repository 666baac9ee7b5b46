"""Processes that may die: one task is lost, the reason is told, the next one is done."""

import os
import threading
import time

import pytest

from omentum.serve.work import child as children
from omentum.serve.work.child import ChildProcess, TaskCancelledError, TaskFault

WAIT_S = 60.0


@pytest.fixture
def child(tmp_path):
    made = ChildProcess(tmp_path, ())
    yield made
    made.close()


def test_tasks_and_their_faults(child, tmp_path):
    told = []
    assert child.run("child_tasks:echo", {"a": 1}, report=told.append) == {"a": 1}
    assert [(one.stage, one.done, one.total) for one in told] == [("echoing", 1, 2)]
    with pytest.raises(TaskFault) as refused:
        child.run("child_tasks:refuse", str(tmp_path))
    document = refused.value.document
    assert (document.error, document.file, document.remedy) == ("input", "ct.nii.gz", "copy it again")
    with pytest.raises(TaskFault) as broken:
        child.run("child_tasks:fault")
    assert broken.value.document.error == "internal"
    assert "secret" not in str(broken.value.document) + broken.value.place
    assert "child_tasks.py" in broken.value.place


def test_a_process_that_dies_costs_one_task(child):
    first = child.run("child_tasks:process_id")
    with pytest.raises(TaskFault) as died:
        child.run("child_tasks:die")
    assert died.value.document.error == "worker_died"
    assert "signal 9 (SIGKILL)" in died.value.document.reason
    assert child.run("child_tasks:process_id") not in (first, os.getpid())


def test_a_running_task_is_cancelled_and_the_process_stays(child, tmp_path):
    number = child.run("child_tasks:process_id")
    assert _cancelled(child, "child_tasks:until_told", tmp_path / "mark") < WAIT_S
    assert child.run("child_tasks:process_id") == number


def test_a_task_that_does_not_listen_is_killed(child, tmp_path, monkeypatch):
    monkeypatch.setattr(children, "CANCEL_GRACE_S", 0.1)
    assert _cancelled(child, "child_tasks:deaf", tmp_path / "mark") < WAIT_S
    assert child.run("child_tasks:echo", 2) == 2


def test_a_task_that_takes_too_long_is_killed(child, tmp_path):
    with pytest.raises(TaskFault, match=r"longer than 0\.1 seconds"):
        child.run("child_tasks:deaf", str(tmp_path / "mark"), limit_s=0.1)


def test_a_closed_child_does_nothing(child):
    process = child.run("child_tasks:process_id")
    child.close()
    with pytest.raises(TaskCancelledError):
        child.run("child_tasks:echo", 1)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_garbage_of_a_task_is_gone_before_the_next(child):
    assert child.run("child_tasks:leave_cycle")
    assert not child.run("child_tasks:has_cycle")


def _cancelled(child, task, mark):
    """Seconds from the cancellation to its effect."""
    raised = []

    def run():
        try:
            child.run(task, str(mark))
        except TaskCancelledError as fault:
            raised.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    end = time.monotonic() + WAIT_S
    while not mark.exists() and time.monotonic() < end:
        time.sleep(0.01)
    began = time.monotonic()
    child.cancel()
    thread.join(WAIT_S)
    assert raised
    return time.monotonic() - began
