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


def echo(context, value):
    context.report("echoing", 1, 2)
    return value


def process_id(context):
    return os.getpid()


def knows(context, structure):
    return structure in STRUCTURES


def refuse(context, path):
    raise InputError("is damaged", source=Path(path) / "ct.nii.gz", remedy="copy it again")


def fault(context):
    raise ZeroDivisionError("secret")


def die(context):
    os.kill(os.getpid(), signal.SIGKILL)


def until_told(context, mark):
    Path(mark).touch()
    while True:
        context.report("waiting")
        time.sleep(0.02)


def deaf(context, mark):
    Path(mark).touch()
    time.sleep(600)


class Cycle:
    """Refers to itself, so that only the garbage collector frees it."""

    def __init__(self):
        self.itself = self


left: list[weakref.ref[Cycle]] = []


def leave_cycle(context):
    gc.disable()  # what is freed from now on is freed by request
    left.append(weakref.ref(Cycle()))
    return left[0]() is not None


def has_cycle(context):
    return left[0]() is not None
