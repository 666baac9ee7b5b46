import json

import pytest

from omentum.train.run.log import Pace, RunLog


def lines(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_what_an_interrupted_run_wrote_beyond_its_checkpoint_is_dropped(tmp_path):
    log = RunLog(tmp_path, 0)
    for step in (20, 40, 60):
        log.write("step", step, loss=1.0 / step)
    log.close()
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"kind": "step", "st')  # cut by a kill
    RunLog(tmp_path, 40).write("step", 60, loss=0.5)
    assert [(entry["step"], entry["loss"]) for entry in lines(tmp_path)] == [(20, 0.05), (40, 0.025), (60, 0.5)]


def test_curves_hold_the_same_figures(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = RunLog(tmp_path, 0)
    log.write("step", 20, loss=0.25)
    log.write("validation", 20, mean_dice=0.5, dice={"liver": 0.75})
    log.close()
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    found = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    assert found == {
        "step/loss": [(20, 0.25)],
        "validation/mean_dice": [(20, 0.5)],
        "validation/dice/liver": [(20, 0.75)],
    }


def test_pace_counts_patches_and_waiting(monkeypatch):
    clock = iter([0.0, 8.0, 8.0, 9.0, 9.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    pace = Pace(patches=4)
    pace.step(1.0)
    pace.step(3.0)
    assert pace.figures() == {"seconds_a_step": 4.0, "patches_a_second": 1.0, "waiting": 0.5}
    pace.step(0.0)
    assert pace.figures() == {"seconds_a_step": 1.0, "patches_a_second": 4.0, "waiting": 0.0}
