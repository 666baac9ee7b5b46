"""A run that goes on with other settings or data: refused with the difference, or extended."""

import os
import signal

import pytest
from toy_cases import toy_case
from toy_run import CONFIG, assert_equal, changed, model, run, sampler

from omentum.errors import UsageError
from omentum.train import loop
from omentum.train.run.folder import RESULT_FILE
from omentum.train.stopping import StoppedError


def test_changed_settings_are_refused_with_the_difference(whole):
    with pytest.raises(UsageError, match=r"was begun otherwise: steps was 8, is 9; lr was 0.002, is 0.001"):
        run(changed(lr=1e-3, steps=9), whole[0], [toy_case(2)])


def test_settings_that_do_not_touch_the_result_may_change(whole):
    _, events = run(changed(save_every=1, keep_checkpoints=5, accumulation_steps=1), whole[0], [toy_case(2)])
    assert events == []


def test_changed_data_is_refused_with_the_difference(whole):
    altered = sampler()
    altered.sources[0].cases[1].hu[0, 0, 0] += 1
    with pytest.raises(UsageError, match=r"was begun otherwise: case toys\.toy_1 has changed"):
        run(CONFIG, whole[0], [toy_case(2)], sampler=altered)
    with pytest.raises(UsageError, match=r"case toys\.toy_2 is new"):
        run(CONFIG, whole[0], [toy_case(2)], sampler=sampler(cases=3))
    with pytest.raises(UsageError, match=r"case toys\.toy_1 is gone; validation case toy_2 is gone"):
        run(CONFIG, whole[0], [], sampler=sampler(cases=1))


def stopped_at(step, config, folder):
    """A run that was asked to end early."""

    def ask(kind, figures):
        if kind == "advance" and figures["step"] == step:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StoppedError):
        loop.run_training(config, sampler(config), (), folder, ask, model=model(config))


def test_a_run_is_extended_while_its_rate_has_not_fallen_and_ends_as_if_begun_so(tmp_path):
    short, long = changed(steps=8, plateau_fraction=0.5), changed(steps=12, plateau_fraction=0.5)
    stopped_at(4, short, tmp_path / "run")
    extended, events = run(long, tmp_path / "run")
    (remark,) = [figures["text"] for kind, figures in events if kind == "warning"]
    assert "goes on to step 12 instead of 8; the learning rate follows that from here on" in remark
    straight, _ = run(long, tmp_path / "straight")
    assert_equal(extended, straight)
    assert extended.spec.training["steps"] == 12
    assert run(long, tmp_path / "run")[1] == []


def test_a_run_whose_rate_has_fallen_is_not_extended_and_the_way_out_works(whole, tmp_path):
    result = whole[0] / RESULT_FILE
    with pytest.raises(UsageError, match=r"steps was 8, is 9 \(its learning rate fell .* --set init=.*safetensors\)"):
        run(changed(steps=9), whole[0], [toy_case(2)])
    further = changed(steps=9, init=str(result))
    assert run(further, tmp_path / "more", model=model(further))[0].spec.training["steps"] == 9


def test_a_run_is_not_made_shorter_than_it_is(tmp_path):
    stopped_at(4, changed(steps=8, plateau_fraction=0.9), tmp_path)
    with pytest.raises(UsageError, match="steps was 8, is 3"):
        run(changed(steps=3, plateau_fraction=0.9), tmp_path)
    assert run(changed(steps=5, plateau_fraction=0.5), tmp_path / "new")[0]
