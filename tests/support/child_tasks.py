"""Tasks for a child process; imported there by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError


def echo(talk, value):
    talk.tell("echoing", 1, 2)
    return value


def process_id(talk):
    return os.getpid()


def knows(talk, structure):
    return structure in STRUCTURES


def refuse(talk, path):
    raise InputError("is damaged", source=Path(path) / "ct.nii.gz", remedy="copy it again")


def fault(talk):
    raise ZeroDivisionError("secret")


def die(talk):
    os.kill(os.getpid(), signal.SIGKILL)


def until_told(talk, mark):
    Path(mark).touch()
    while True:
        talk.tell("waiting")
        time.sleep(0.02)


def deaf(talk, mark):
    Path(mark).touch()
    time.sleep(600)
