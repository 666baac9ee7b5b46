"""What worker processes are asked to do in tests; at the top level of a module, so that they find it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError, warn_of_case
from omentum.pipeline.batch.ipc import receive, send
from omentum.pipeline.batch.jobs import CaseOutcome
from omentum.pipeline.batch.multi_device import END, NEXT, OUTCOME, PROGRESS
from omentum.pipeline.batch.workers import TaskResult


def doubled(array):
    warn_of_case("large")
    array *= 2  # what comes through a pipe can be written to
    return array


def fails(kind: str):
    if kind == "ours":
        raise InputError("is no CT", source="a.nii", remedy="give a CT")
    return {"division": 1 / 0}


def dies():
    os.kill(os.getpid(), signal.SIGKILL)


def writes_for_long(folder: str):
    """Writes a folder as results are written, and never comes to its end."""
    from omentum.atomic import replacing_folder

    with replacing_folder(Path(folder) / "case") as new:
        (new / "half.txt").write_text("half")
        time.sleep(600)


def appears(file: Path):
    """Wait for another process to write a file."""
    until = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < until, f"{file.name} was never written"
        time.sleep(0.01)


def fake_batch(pipe, settings):
    """A line without a model, whose "weights" are a folder where lines tell each other how far they are.

    `slow` is at its first case until another line has come to its end; `fast` begins when `slow` is at that case;
    `mortal` dies at its second case.
    """
    device, folder, done = settings.options.device, Path(settings.weights), 0
    if device == "unusable":
        send(pipe, (END, TaskResult(error=InputError("has no such device", source=device))))
        return
    if device == "fast":
        appears(folder / "held")
    while True:
        send(pipe, (NEXT, None))
        job = receive(pipe)
        if job is None:
            break
        send(pipe, (PROGRESS, ("begin", (job.case,))))
        if device == "mortal" and done == 1:
            (folder / "ended").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if device == "slow" and done == 0:
            (folder / "held").touch()
            appears(folder / "ended")
        done += 1
        send(pipe, (OUTCOME, CaseOutcome(job, warnings=[device])))
    (folder / "ended").touch()
    send(pipe, (END, TaskResult()))


def number_of(key):
    return STRUCTURES[key].index
