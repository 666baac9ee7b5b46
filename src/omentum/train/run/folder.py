"""The folder of a run, which belongs to one run and one writer.

run/
  run.json                    configuration, classes and a checksum of each case: what this run is
  checkpoints/step-00000200/  see `checkpoints`; the last few, and the best
  model.safetensors           the averaged model of the last checkpoint: the result
  best.safetensors            the averaged model that did best on the held-out cases
  validation.json             the last validation, and which was best
  log.jsonl                   what happened, a line each
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
from omentum.schemas import Schema, stamped
from omentum.spec import strict_json
from omentum.temporary_names import remove_unfinished
from omentum.train.run.identity import Identity, differences

IDENTITY_FILE, CHECKPOINTS, LOG_FILE, CURVES = "run.json", "checkpoints", "log.jsonl", "tensorboard"
RESULT_FILE, BEST_FILE, VALIDATION_FILE = "model.safetensors", "best.safetensors", "validation.json"
LOCK_FILE, WRITER_FILE = ".lock", ".writer"
STEPS_DIFFER = "steps was"
"""How the difference of a longer or shorter run begins."""
OURS = {LOCK_FILE, WRITER_FILE}


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Be the only one who writes into a run's folder, which is made if need be.

    Raises:
        UsageError: another process writes into it.
        OutputError: it cannot be written.
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
    """Make the folder this run's, or make sure that it is.

    Args:
        run: The folder.
        identity: Of the run.
        may_go_on: Says of a run of so many steps that it can become this one, which has another number of them.

    Returns:
        What has become of its schedule, for people; "" where nothing has.

    Raises:
        UsageError: it belongs to a run with other settings or data, or holds something else.
        InputError: its description cannot be read.
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
    """What to do about a folder of another run."""
    if (run / RESULT_FILE).exists() and any(text.startswith(STEPS_DIFFER) for text in found):
        further = f"from its result: --set init={run / RESULT_FILE}"
        return f"its learning rate fell as for its own steps: start another run with another -o {further}"
    return "restore that, or start another run with another -o"


def publish(checkpoint_file: Path, target: Path) -> None:
    """Copy a file out of a checkpoint; `target` is the old one or the new one at any moment."""
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
