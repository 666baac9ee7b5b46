import pytest

from omentum.cli import progress as module
from omentum.cli.progress import Countdown


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_lines_now_and_then_with_the_time_left(clock, capsys):
    with Countdown("preparing") as countdown:
        for done in range(1, 11):
            clock[0] += 6
            countdown.progress(done, 10)
    assert capsys.readouterr().err.splitlines() == [
        "preparing: 2 of 10, about 48 s left",
        "preparing: 4 of 10, about 36 s left",
        "preparing: 6 of 10, about 24 s left",
        "preparing: 8 of 10, about 12 s left",
    ]


def test_what_was_done_already_does_not_shorten_the_time_left(clock, capsys):
    with Countdown("preparing") as countdown:
        for done in range(1, 91):
            countdown.progress(done, 100, worked=False)
        clock[0] += 20
        countdown.progress(91, 100)
    assert capsys.readouterr().err == "preparing: 91 of 100, about 3 min left\n"


def test_silent_tells_errors_only(clock, capsys):
    with Countdown("preparing", silent=True) as countdown:
        clock[0] += 60
        countdown.progress(1, 3)
        countdown.say("error", "ct.nii: bad\nnews")
    assert capsys.readouterr().err == "error: ct.nii: bad\\nnews\n"
