"""Tasks for a child process; imported there by name."""

from __future__ import annotations

import gc
import os
import signal
import time
import weakref
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


class Cycle:
    """Refers to itself, so that only the garbage collector frees it."""

    def __init__(self):
        self.itself = self


left: list[weakref.ref[Cycle]] = []


def leave_cycle(talk):
    gc.disable()  # what is freed from now on is freed by request
    left.append(weakref.ref(Cycle()))
    return left[0]() is not None


def has_cycle(talk):
    return left[0]() is not None
