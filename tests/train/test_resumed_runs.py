"""Runs that were killed or stopped go on as if nothing had happened, bit for bit."""

import os
import signal

import pytest
import torch
from toy_cases import toy_case
from toy_run import CONFIG, assert_equal, log_of, model, run, sampler, tensors

from omentum.model import load_checkpoint
from omentum.train import loop
from omentum.train.learner import Learner
from omentum.train.run.checkpoints import STATE_FILE
from omentum.train.run.folder import BEST_FILE, RESULT_FILE, VALIDATION_FILE
from omentum.train.stopping import StoppedError


def test_a_killed_run_equals_an_uninterrupted_one_bit_for_bit(whole, tmp_path, monkeypatch):
    take_step = Learner.step

    def die_in_step_six(learner, batches, number, rate):
        if number == 6:
            raise OSError("as if killed")
        return take_step(learner, batches, number, rate)

    monkeypatch.setattr(Learner, "step", die_in_step_six)
    with pytest.raises(OSError, match="as if killed"):
        run(CONFIG, tmp_path, [toy_case(2)])
    monkeypatch.setattr(Learner, "step", take_step)
    torch.manual_seed(1234)
    resumed, events = run(CONFIG, tmp_path, [toy_case(2)])
    assert [figures["step"] for kind, figures in events if kind == "advance"] == [5, 6, 7, 8]
    assert_equal(whole[1], resumed)
    states = [torch.load(f / "checkpoints/step-00000008" / STATE_FILE, weights_only=True) for f in (whole[0], tmp_path)]
    assert all(torch.equal(a, b) for a, b in zip(*map(tensors, states), strict=True))
    kept = ("step", "loss", "gradient")
    assert [{k: e.get(k) for k in kept} for e in log_of(tmp_path)][1:] == [
        {k: e.get(k) for k in kept} for e in log_of(whole[0])
    ][1:]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_saves_says_so_and_goes_on(whole, tmp_path, number):
    def stop_in_step_three(kind, figures):
        if kind == "advance" and figures["step"] == 3:
            os.kill(os.getpid(), number)

    with pytest.raises(StoppedError, match=f"stopped by {number.name} after step 3, which is saved") as stopped:
        loop.run_training(CONFIG, sampler(), [toy_case(2)], tmp_path, stop_in_step_three, model=model())
    assert stopped.value.exit_code == 128 + number
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    resumed, events = run(CONFIG, tmp_path, [toy_case(2)])
    assert events[0] == ("advance", {"step": 4})
    assert_equal(whole[1], resumed)


def test_a_run_killed_before_its_last_validation_makes_up_for_it(whole, tmp_path, monkeypatch):
    def die(*args, **how):
        raise OSError("as if killed")

    monkeypatch.setattr(loop, "validate", die)
    with pytest.raises(OSError, match="as if killed"):
        run(CONFIG, tmp_path, [toy_case(2)])
    assert_equal(whole[1], load_checkpoint(tmp_path / RESULT_FILE))
    monkeypatch.undo()
    _, events = run(CONFIG, tmp_path, [toy_case(2)])
    assert [kind for kind, _ in events] == ["validating", "validation"]
    assert_equal(load_checkpoint(whole[0] / BEST_FILE), load_checkpoint(tmp_path / BEST_FILE))
    assert (tmp_path / VALIDATION_FILE).read_text() == (whole[0] / VALIDATION_FILE).read_text()


def test_a_damaged_newest_checkpoint_is_put_aside_and_the_one_before_used(whole, tmp_path):
    run(CONFIG, tmp_path)
    state = tmp_path / "checkpoints/step-00000008" / STATE_FILE
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1  # one bit, in the middle of some tensor
    state.write_bytes(content)
    resumed, events = run(CONFIG, tmp_path)
    assert "step-00000008: is damaged: state.pt is not what was written" in events[0][1]["text"]
    assert events[1] == ("advance", {"step": 5})
    assert (tmp_path / "checkpoints/step-00000008.broken").is_dir()
    assert_equal(whole[1], resumed)
