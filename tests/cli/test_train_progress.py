import pytest
from rich.console import Console

from omentum.cli import progress as progress_bar
from omentum.cli.train import progress as module
from omentum.cli.train.progress import TrainProgress

STEP = {
    "step": 20,
    "loss": 1.25,
    "dice_loss": 0.5,
    "patches_a_second": 2.0,
    "waiting": 0.034,
    "seconds_a_step": 3.0,
}


def test_lines_without_a_terminal(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with TrainProgress(100) as progress:
        for done in range(4):
            now[0] += 6
            progress.reading("lits", done, 9)
        progress.event("advance", {"step": 20})
        progress.event("step", STEP)
        progress.event("saved", {"step": 20})
        progress.event("validation", {"step": 20, "mean_dice": 0.5, "dice": {"liver": 0.75}})
    assert capsys.readouterr().err.splitlines() == [
        "reading lits: 1 of 9",
        "reading lits: 3 of 9",
        "step 20/100  loss 1.250  dice loss 0.500  2.00 patches/s  waiting 3 %  4 min left",
        "validation at step 20: mean Dice 0.500",
        "liver 0.750",
    ]


def test_silence_but_for_warnings(capsys):
    with TrainProgress(100, silent=True) as progress:
        progress.event("step", STEP)
        progress.event("warning", {"text": "one\nline"})
    assert capsys.readouterr().err == "warning: one line\n"


@pytest.mark.parametrize("done", [20, 100])
def test_a_bar_on_a_terminal_shows_figures_and_steps(monkeypatch, capsys, done):
    monkeypatch.setattr(progress_bar, "Console", lambda **how: Console(**how, force_terminal=True, width=160))
    with TrainProgress(100) as progress:
        progress.reading("lits", 3, 9)
        progress.event("advance", {"step": done})
        progress.event("step", STEP)
        progress._bar.refresh()
    shown = capsys.readouterr().err
    assert f"{done}/100" in shown
    assert "2.00 patches/s  waiting 3 %" in shown
