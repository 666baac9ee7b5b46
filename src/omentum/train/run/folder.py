"""The folder of a run; it belongs to one run and has one writer.

run/
  run.json                    identity of the run: configuration, classes and a checksum of each case
  checkpoints/step-00000200/  see `checkpoints`; the last few, and the best
  model.safetensors           the averaged model of the last checkpoint: the result
  best.safetensors            the averaged model with the best validation result
  validation.json             the last and the best validation
  log.jsonl                   one event per line
  organs/                     of a second pass: what the first pass found in its cases
  tensorboard/                the same figures as curves, where tensorboard is installed
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from omentum.atomic import replacing, write_json
from omentum.errors import InputError, OutputError, UsageError
from omentum.json_values import strict_json
from omentum.schemas import Schema, stamped
from omentum.temporary_names import remove_unfinished
from omentum.train.run.identity import Identity, differences

IDENTITY_FILE, CHECKPOINTS, LOG_FILE, CURVES = "run.json", "checkpoints", "log.jsonl", "tensorboard"
RESULT_FILE, BEST_FILE, VALIDATION_FILE = "model.safetensors", "best.safetensors", "validation.json"
LOCK_FILE, WRITER_FILE = ".lock", ".writer"
STEPS_DIFFER = "steps was"
"""How the difference of a longer or shorter run begins."""
ORGANS = "organs"
"""Folder for what the first pass found in the cases of a second pass; it fills before the run begins."""
OURS = {LOCK_FILE, WRITER_FILE, ORGANS}


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold the exclusive lock on a run's folder, which is created if missing.

    Raises:
        UsageError: Another process holds the lock.
        OutputError: The folder cannot be written.
    """
    lock = FileLock(run / LOCK_FILE, timeout=0)
    try:
        run.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        (run / WRITER_FILE).write_text(f"process {os.getpid()} on {socket.gethostname()}")
    except Timeout as fault:
        raise UsageError(f"{_writer(run)} is training into it", source=run, remedy="wait, or use another -o") from fault
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=run) from fault
    try:
        yield
    finally:
        (run / WRITER_FILE).unlink(missing_ok=True)
        lock.release()


def claim(run: Path, identity: Identity, may_go_on: Callable[[int], bool] = lambda _: False) -> str:
    """Create the folder of this run, or check that it belongs to it.

    Args:
        run: The folder.
        identity: Identity of the run.
        may_go_on: Whether a run with the given number of steps can continue as this one, which has another number.

    Returns:
        Human-readable description of a changed schedule; "" if it is unchanged.

    Raises:
        UsageError: The folder belongs to a run with other settings or data, or contains something else.
        InputError: The description of the run cannot be read.
    """
    path = run / IDENTITY_FILE
    remove_unfinished(run)
    remark = ""
    if path.exists():
        before = _read(path)
        steps = before.get("config", {}).get("steps")
        found = differences(before, identity)
        if len(found) == 1 and found[0].startswith(STEPS_DIFFER) and may_go_on(steps):
            wanted, found = identity["config"]["steps"], []
            remark = f"{run} goes on to step {wanted} instead of {steps}; the learning rate follows that from here on"
        if found:
            raise UsageError(f"was begun otherwise: {'; '.join(found)}", source=run, remedy=_way_out(run, found))
    elif foreign := sorted(entry.name for entry in run.iterdir() if entry.name not in OURS):
        raise UsageError(
            f"is no run and not empty: it holds {', '.join(foreign[:5])}", source=run, remedy="use another -o"
        )
    write_json(path, stamped(Schema.TRAINING_RUN, identity))
    return remark


def _way_out(run: Path, found: Sequence[str]) -> str:
    """Remedy for a folder that belongs to another run."""
    if (run / RESULT_FILE).exists() and any(text.startswith(STEPS_DIFFER) for text in found):
        further = f"from its result: --set init={run / RESULT_FILE}"
        return f"its learning rate fell as for its own steps: start another run with another -o {further}"
    return "restore that, or start another run with another -o"


def publish(checkpoint_file: Path, target: Path) -> None:
    """Copy a file out of a checkpoint, replacing `target` atomically."""
    with checkpoint_file.open("rb") as source, replacing(target) as file:
        shutil.copyfileobj(source, file)


def _writer(run: Path) -> str:
    try:
        return (run / WRITER_FILE).read_text() or "another process"
    except OSError:
        return "another process"


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(strict_json(dict(json.loads(path.read_bytes()))))
    except (OSError, ValueError, TypeError) as fault:
        raise InputError(f"cannot be read: {fault}", source=path) from fault
