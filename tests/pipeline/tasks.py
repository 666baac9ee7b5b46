"""What worker processes are asked to do in tests; at the top level of a module, so that they find it."""

from __future__ import annotations

import os
import signal
import time
import warnings
from pathlib import Path

from omentum.errors import CaseWarning, InputError
from omentum.pipeline.devices import END, NEXT, OUTCOME, TOLD
from omentum.pipeline.jobs import Outcome
from omentum.pipeline.pipes import receive, send
from omentum.pipeline.workers import Answer


def doubled(array):
    warnings.warn(CaseWarning("large"), stacklevel=1)
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
    from omentum.pipeline.case import _replacing_folder

    with _replacing_folder(Path(folder) / "case") as new:
        (new / "half.txt").write_text("half")
        time.sleep(600)


def fake_line(pipe, of_line):
    """A line without a model: the device `slow` takes its time, `mortal` dies at its second case.

    Its "weights" are a folder where both of two lines sign in before either begins.
    """
    device, done = of_line.options.device, 0
    if device == "unusable":
        send(pipe, (END, Answer(error=InputError("has no such device", source=device))))
        return
    if of_line.weights != "default":
        Path(of_line.weights, device).touch()
        while len(list(Path(of_line.weights).iterdir())) < 2:
            time.sleep(0.01)
    while True:
        send(pipe, (NEXT, None))
        job = receive(pipe)
        if job is None:
            break
        send(pipe, (TOLD, ("begin", (job.case,))))
        if device == "mortal" and done == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if device == "slow":
            time.sleep(0.5)
        done += 1
        send(pipe, (OUTCOME, Outcome(job, warnings=[device])))
    send(pipe, (END, Answer()))
