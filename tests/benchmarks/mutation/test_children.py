"""Child processes that run the tests of a mutant end as their work does, or are ended."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from mutation import children


def ended(child):
    while (status := child.poll()) is None:
        time.sleep(0.01)
    return status


def test_a_child_ends_as_its_work_does(tmp_path):
    def work():
        os.write(1, f"said {Path.cwd()}\n".encode())
        return 3

    assert ended(children.start(work, tmp_path, tmp_path / "log", 20)) == 3
    assert (tmp_path / "log").read_text() == f"said {tmp_path}\n"
    assert ended(children.start(lambda: os.kill(os.getpid(), signal.SIGKILL), tmp_path, tmp_path / "log", 20)) == -9


def test_a_child_that_never_ends_is_ended(tmp_path):
    def busy():
        while True:
            pass

    assert ended(children.start(busy, tmp_path, tmp_path / "log", 0)) == children.TIMED_OUT

    def waiting():
        time.sleep(1000)
        return 0

    child = children.start(waiting, tmp_path, tmp_path / "log", 20)
    child.until = 0.0
    assert ended(child) == children.TIMED_OUT
