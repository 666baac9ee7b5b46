import dataclasses
import errno
import json
import os
import signal

import numpy as np
import pytest
import torch
from toy_cases import toy_case
from toy_run import CONFIG, changed, model, run, sampler

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.sampler import PatchSource
from omentum.errors import InputError, OutputError, TrainingError, UsageError
from omentum.model import load_checkpoint
from omentum.train import loop
from omentum.train.learner import Learner
from omentum.train.losses.loss import partial_label_loss
from omentum.train.losses.patch_loss import voxel_subsample
from omentum.train.run.checkpoints import STATE_FILE
from omentum.train.run.folder import BEST_FILE, RESULT_FILE, VALIDATION_FILE
from omentum.train.stopping import StoppedError


def log_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def assert_equal(one, other):
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run: its folder, model and events."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, *run(CONFIG, folder, [toy_case(2)])


def test_one_run_leaves_model_log_and_checkpoints(whole):
    folder, result, events = whole
    assert result.spec.class_keys == STRUCTURES.keys
    assert result.spec.training["steps"] == 8
    assert result.spec.training["config"]["data"][0]["folder"] == "unused"
    assert {kind for kind, _ in events} == {"advance", "step", "saved", "validating", "validation"}
    assert [entry["kind"] for entry in log_of(folder)] == ["step", "validation"]
    assert {"loss", "gradient", "patches_a_second", "waiting", "rate"} < log_of(folder)[0].keys()
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["step-00000004", "step-00000008"]
    assert (folder / "best.safetensors").exists()
    assert not list(folder.rglob("*.tmp-*"))


def test_what_is_validated_was_saved_before(whole):
    kinds = [kind for kind, _ in whole[2]]
    assert kinds.index("validation") > len(kinds) - 1 - kinds[::-1].index("saved")


def test_a_finished_run_is_left_as_it_is(whole):
    folder, _, _ = whole
    before = (folder / "model.safetensors").stat().st_mtime_ns
    _, events = run(CONFIG, folder, [toy_case(2)])
    assert events == []
    assert (folder / "model.safetensors").stat().st_mtime_ns == before


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


def tensors(thing):
    if isinstance(thing, torch.Tensor):
        return [thing]
    inner = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list | tuple) else ()
    return [tensor for one in inner for tensor in tensors(one)]


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


def test_the_loss_falls(tmp_path):
    run(changed(steps=40, warmup_steps=1, save_every=100, patch=(16, 16, 16)), tmp_path)
    first, last = (entry for entry in log_of(tmp_path) if entry["kind"] == "step")
    assert last["loss"] < first["loss"]


def poisoned(*wanted_calls):
    """The usual loss, not a number in some calls; each patch is a call."""
    calls = iter(range(10**6))

    def loss(*patch):
        value, *parts = partial_label_loss(*patch)
        return (value * float("nan") if next(calls) in wanted_calls else value, *parts)

    return loss


def test_a_step_that_is_not_finite_changes_nothing_and_names_its_cases(tmp_path):
    clean, _ = run(changed(steps=3), tmp_path / "clean")
    events = []

    def tell(kind, figures):
        events.append((kind, figures))

    config = changed(steps=4, save_every=1)
    path = loop.run_training(config, sampler(), (), tmp_path / "nan", tell, model=model(config), loss=poisoned(3))
    warnings = [figures["text"] for kind, figures in events if kind == "warning"]
    assert len(warnings) == 1
    assert warnings[0].startswith("step 4: gradient not finite, not taken; cases toys/toy_")
    (skipped,) = (entry for entry in log_of(tmp_path / "nan") if entry["kind"] == "skipped")
    assert skipped["step"] == 4
    before, after = (
        torch.load(tmp_path / f"nan/checkpoints/step-0000000{step}" / STATE_FILE, weights_only=True) for step in (3, 4)
    )
    for part in ("model", "deep_supervision", "average"):
        assert all(torch.equal(a, b) for a, b in zip(tensors(before[part]), tensors(after[part]), strict=True)), part
    assert after["updates"] == 3
    assert after["skipped"] == 1
    assert path.exists()
    assert clean is not None


def test_too_many_such_steps_end_the_run_with_the_cases_and_the_last_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SKIPPED_STEPS_LIMIT", 3)
    how = {"loss": poisoned(*range(4, 100))}
    with pytest.raises(
        TrainingError, match=r"3 steps in a row, last with toys/toy_\d \(.*last checkpoint is of step 4"
    ):
        run(CONFIG, tmp_path, **how)
    _, events = run(CONFIG, tmp_path)  # its checkpoint is sound
    assert events[0] == ("advance", {"step": 5})


class Unreadable:
    """A case whose voxels cannot be decoded; all else is known of it."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def box(self, start, size):
        raise InputError("cannot be decoded", source=f"store/cases/{self.name}")


def with_unreadable(numbers, cases):
    source = sampler(cases=cases)
    damaged = tuple(Unreadable(c) if n in numbers else c for n, c in enumerate(source.sources[0].cases))
    return dataclasses.replace(source, sources=(PatchSource("toys", damaged),))


def test_a_case_that_cannot_be_read_is_named_once_and_the_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "run_identity", lambda *args: {"config": {}, "classes": [], "data": {}, "validation": {}})
    _, events = run(CONFIG, tmp_path, sampler=with_unreadable({1}, 2))
    texts = [figures["text"] for kind, figures in events if kind == "warning"]
    assert texts == ["toys/toy_1 cannot be read and is left out: store/cases/toy_1: cannot be decoded"]
    assert [e["case"] for e in log_of(tmp_path) if e["kind"] == "unreadable"] == ["toys/toy_1"]
    assert events[-1][0] == "saved"


def test_more_than_one_in_a_hundred_unreadable_cases_end_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "run_identity", lambda *args: {"config": {}, "classes": [], "data": {}, "validation": {}})
    with pytest.raises(TrainingError, match="2 of 3 cases cannot be read: toys/toy_0, toys/toy_2"):
        run(CONFIG, tmp_path, sampler=with_unreadable({0, 2}, 3))


def test_a_second_writer_is_refused_and_told_who_is_first(tmp_path):
    messages = []

    def start_another(kind, figures):
        if kind == "advance" and figures["step"] == 1:
            with pytest.raises(UsageError) as refused:
                run(CONFIG, tmp_path)
            messages.append(str(refused.value))

    loop.run_training(changed(steps=1), sampler(), (), tmp_path, start_another, model=model())
    assert f"process {os.getpid()} on " in messages[0]
    assert "is training into it" in messages[0]


def test_changed_settings_are_refused_with_the_difference(whole):
    with pytest.raises(UsageError, match=r"was begun otherwise: steps was 8, is 9; lr was 0.002, is 0.001"):
        run(changed(lr=1e-3, steps=9), whole[0], [toy_case(2)])


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


def test_a_folder_that_cannot_be_made_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written: Not a directory"):
        run(CONFIG, tmp_path / "file" / "run")


def test_a_folder_with_something_else_is_not_taken_over(tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(UsageError, match=r"is no run and not empty: it holds thesis\.txt"):
        run(CONFIG, tmp_path)


@pytest.mark.parametrize("share", [1, 2, 4, 8])
def test_the_lattices_of_many_steps_cover_every_voxel(share):
    seen = np.zeros((4, 4, 4), int)
    for step in range(64):
        part = np.zeros_like(seen)
        part[voxel_subsample(step, share)] = 1
        assert part.sum() * share == part.size
        seen += part
    assert seen.min() > 0


def test_a_disk_that_fills_up_between_checkpoints_is_told_and_the_run_goes_on_later(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "log.jsonl")

    with monkeypatch.context() as patch:
        patch.setattr(loop.RunLog, "write", full)
        with pytest.raises(OutputError, match=r"No space left on device: log.jsonl .*goes on from the last checkpoint"):
            run(changed(steps=1), tmp_path)
    assert run(changed(steps=1), tmp_path)[0]
