"""Steps that are not finite and cases that cannot be read: left out and named, until they are too many."""

import dataclasses

import pytest
import torch
from toy_run import CONFIG, changed, log_of, model, run, sampler, tensors

from omentum.data.sampling.sampler import PatchSource
from omentum.errors import InputError, TrainingError
from omentum.train import loop
from omentum.train.losses.loss import partial_label_loss
from omentum.train.run.checkpoints import STATE_FILE


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
