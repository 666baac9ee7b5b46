from __future__ import annotations

import os
import signal

import pytest

from omentum.cli.workers import worked


def square(number):
    return number * number


def killed_at_three(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refused(number):
    raise ValueError(number)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_item_gets_its_result(jobs):
    assert dict(worked(square, [1, 2, 3], jobs)) == {1: 1, 2: 4, 3: 9}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_process_takes_only_its_own_item_with_it():
    assert dict(worked(killed_at_three, [1, 2, 3, 4], 2)) == {1: 1, 2: 2, 3: None, 4: 4}


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_is_raised_here(jobs):
    with pytest.raises(ValueError, match=r"[12]"):
        list(worked(refused, [1, 2], jobs))


def test_no_items_are_no_work():
    assert list(worked(square, [], 2)) == []
