"""What a run would cost, by a clock that ticks once a look."""

from __future__ import annotations

import itertools

import pytest
from toy_run import changed, model, sampler

from omentum.train.run import dry_run

SMALL = {"patch": (16, 16, 16), "steps": 100, "batch": 4}


def planned(monkeypatch, **values):
    """Each look at the clock is a second after the last: a second to prepare a step's patches, one to compute it."""
    ticks = itertools.count()
    monkeypatch.setattr(dry_run.time, "perf_counter", lambda: float(next(ticks)))
    config = changed(**{**SMALL, **values})
    return dry_run.dry_run(config, sampler(config), model(config))


def test_a_step_and_a_patch_take_what_the_clock_says(monkeypatch):
    plan = planned(monkeypatch, workers=0)
    assert plan.step_s == pytest.approx(1)
    assert plan.patch_s == pytest.approx(1 / 4)
    assert plan.processes == 1


@pytest.mark.parametrize(("workers", "step_s"), [(0, 2.0), (1, 1.0), (2, 1.0)])
def test_patches_are_prepared_meanwhile_where_there_are_workers(monkeypatch, workers, step_s):
    assert planned(monkeypatch, workers=workers).total_s == pytest.approx(100 * step_s)


def test_preparing_is_what_takes_time_where_it_takes_longer(monkeypatch):
    ticks = itertools.accumulate(itertools.cycle([0.0, 6.0, 1.0]))  # to the begin of a step, prepared, computed
    monkeypatch.setattr(dry_run.time, "perf_counter", lambda: next(ticks))
    for workers, expected in ((0, 7.0), (2, 3.0), (3, 2.0)):
        config = changed(**SMALL, workers=workers)
        assert dry_run.dry_run(config, sampler(config), model(config)).total_s == pytest.approx(100 * expected)


def test_the_plan_counts_what_is_learned(monkeypatch):
    plan = planned(monkeypatch, workers=0)
    network = model(changed(**SMALL))
    assert plan.parameters == sum(p.numel() for p in network.parameters())
    assert plan.memory_bytes > 4 * plan.parameters
    assert plan.device.startswith("CPU")
