"""Several processes on one machine, joined by gloo, as torchrun starts them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from toy_run import changed, run

from omentum.train.distributed import gathered, highest, summed
from omentum.train.run.checkpoints import STATE_FILE

TESTS = Path(__file__).parents[1]
SRC = TESTS.parent / "src"
SMALL = {"patch": [16, 16, 16], "steps": 6, "batch": 4, "save_every": 3, "optimiser": "sgd", "lr": 1e-3}

RELATIVE_TOLERANCE = 1e-4
"""Of the distance that all weights together have moved: sums are added up in another order, in float32.

At ten times the rate this network is chaotic and the same rounding grows to a few percent within six steps."""


def torchrun(folder, settings, *more):
    arguments = (
        "--nproc-per-node",
        "2",
        "--master-port",
        "0",
        "--rdzv-backend",
        "c10d",
        "--rdzv-endpoint",
        "localhost:0",
    )
    command = [sys.executable, "-m", "torch.distributed.run", *arguments, str(TESTS / "support" / "one_process.py")]
    paths = os.pathsep.join([str(SRC), str(TESTS), str(TESTS / "support")])
    return subprocess.Popen(
        [*command, str(folder), json.dumps(settings), *more],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def weights(folder, step):
    state = torch.load(folder / f"checkpoints/step-{step:08d}" / STATE_FILE, weights_only=True)
    return torch.cat([t.flatten() for part in ("model", "deep_supervision") for t in state[part].values()])


@pytest.mark.slow
def test_two_processes_equal_one_with_the_doubled_batch(tmp_path):
    both = torchrun(tmp_path / "two", SMALL)
    config = changed(**{k: tuple(v) if isinstance(v, list) else v for k, v in SMALL.items()})
    run(config, tmp_path / "one")
    run(changed(**{**vars(config), "accumulation_steps": 4}), tmp_path / "parts")
    _, stderr = both.communicate(timeout=300)
    assert both.returncode == 0, stderr
    early, one = weights(tmp_path / "one", 3), weights(tmp_path / "one", 6)
    moved = (one - early).norm()
    assert moved > 0
    for other in ("two", "parts"):
        assert (weights(tmp_path / other, 6) - one).norm() < RELATIVE_TOLERANCE * moved, other
    run(changed(**{**vars(config), "batch": 2}), tmp_path / "half")
    assert (weights(tmp_path / "half", 6) - one).norm() > 0.1 * moved  # it is not that nothing matters
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("one", "two")]
    entries = [[json.loads(line) for line in lines] for lines in logs]
    assert len(entries[1]) == 1  # one process writes
    assert entries[0][0]["loss"] == pytest.approx(entries[1][0]["loss"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_dead_process_ends_all_within_a_minute_with_a_message_and_the_run_goes_on(tmp_path):
    processes = torchrun(tmp_path, SMALL, "4")
    began = time.monotonic()
    stdout, stderr = processes.communicate(timeout=300)
    assert processes.returncode != 0
    assert "process 0: another process of this run has ended" in stderr
    assert "the same command goes on from the last checkpoint" in stderr
    assert "Signal 9 (SIGKILL)" in stderr  # torchrun says which one and why
    last = [line for line in stdout.splitlines() if line.startswith("step")][-1]
    assert last == "step 4"
    assert time.monotonic() - began < 60 + 60  # a minute after its death, and the time to start
    config = changed(**{k: tuple(v) if isinstance(v, list) else v for k, v in SMALL.items()})
    _, events = run(config, tmp_path)  # on one process, from the checkpoint of two
    assert events[0] == ("advance", {"step": 4})


@pytest.mark.slow
@pytest.mark.exhaustive
def test_sigterm_to_torchrun_saves_and_says_so(tmp_path):
    processes = torchrun(tmp_path, SMALL | {"steps": 10_000, "save_every": 5_000})
    for line in processes.stdout:
        if line.strip() == "step 2":
            break
    processes.send_signal(signal.SIGTERM)
    _, stderr = processes.communicate(timeout=300)
    assert "stopped by SIGTERM after step" in stderr
    (saved,) = (tmp_path / "checkpoints").iterdir()
    assert int(saved.name.removeprefix("step-")) >= 2


class OneOfTwo:
    """Stands in for a Fabric of two processes, of which the other one has twice as much."""

    world_size = 2
    device = torch.device("cpu")

    def all_reduce(self, numbers, reduce_op):
        return numbers * 3 if reduce_op == "sum" else numbers * 2


class Alone:
    world_size = 1


def test_what_is_asked_of_all_is_what_all_have(monkeypatch):
    def gather(things, thing):
        things[:] = [thing, "theirs"][: len(things)]

    monkeypatch.setattr(torch.distributed, "all_gather_object", gather)
    assert gathered(OneOfTwo(), "ours") == ["ours", "theirs"]
    assert summed(OneOfTwo(), torch.tensor([1.0, 2.0])).tolist() == [3, 6]
    assert highest(OneOfTwo(), 4) == 8


def test_one_process_asks_nobody():
    numbers = torch.tensor([1.0, 2.0])
    assert gathered(Alone(), "ours") == ["ours"]
    assert summed(Alone(), numbers) is numbers
    assert highest(Alone(), 4) == 4
