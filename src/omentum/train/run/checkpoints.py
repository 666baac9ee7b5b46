"""Checkpoints from which a run resumes exactly; a kill loses at most the work since the last one.

A checkpoint is a folder `step-00000200` with `state.pt` (the training state), `model.safetensors` (the averaged model,
ready for use) and `manifest.json` (size and SHA-256 of both). It is written under a temporary name, flushed to disk and
renamed, so it is either complete or absent; the hashes reveal later disk corruption.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from omentum.atomic import json_text, remove_folder, replacing_folder
from omentum.errors import CheckpointError, OutputError
from omentum.model import UniversalModel, save_checkpoint
from omentum.schemas import VERSIONS, Schema, stamped, version_of
from omentum.temporary_names import remove_unfinished

STATE_FILE, MODEL_FILE, MANIFEST = "state.pt", "model.safetensors", "manifest.json"
PREFIX, BROKEN = "step-", ".broken"
MODEL_DTYPE = torch.float16
ROOM = 1.1
"""A checkpoint is begun only where the disk has what will be written times this."""
COPIES = 2
"""The model file is written again beside the checkpoints: as the run's result, and as the best one."""


class Checkpoints:
    """The checkpoints of a run.

    Args:
        folder: Folder of the checkpoints; created if missing.
        keep: Number of latest checkpoints to keep.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder, self.keep = folder, keep
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder)

    def place(self, step: int) -> Path:
        """Folder of the checkpoint of a step."""
        return self.folder / f"{PREFIX}{step:08d}"

    @property
    def steps(self) -> list[int]:
        """Steps with a checkpoint, ascending."""
        return steps_in(self.folder)

    def save(self, step: int, state: dict[str, Any], model: UniversalModel, best: int | None) -> Path:
        """Write a checkpoint, then delete old ones.

        Args:
            step: Steps done.
            state: State to resume from: tensors, numbers, strings, lists and dicts.
            model: The averaged model.
            best: Step of another checkpoint to keep.

        Raises:
            OutputError: The disk is full or not writable; earlier checkpoints are unchanged.
        """
        needed = self._check_room(state, model)
        try:
            with replacing_folder(self.place(step)) as new:
                _write(new, step, state, model)
        except (OutputError, RuntimeError) as fault:  # torch.save has no specific error for a full disk
            reason = (
                f"the checkpoint of step {step} cannot be written: {_disk_fault(fault)}; it needs {needed / 1e9:.2f} GB"
            )
            remedy = f"make room, or raise the limit or quota; {self._goes_on()}"
            raise OutputError(reason, source=self.folder, remedy=remedy) from fault
        for old in [s for s in self.steps if s <= step][: -self.keep]:
            if old != best:
                remove_folder(self.place(old))
        return self.place(step)

    def newest(self, warn: Callable[[str], None]) -> dict[str, Any] | None:
        """State of the newest intact checkpoint; None if there is no checkpoint yet.

        Args:
            warn: Receives a warning for each damaged checkpoint; these are renamed to `<name>.broken`.

        Raises:
            CheckpointError: There are checkpoints, but all are damaged.
        """
        damaged = None
        for step in reversed(self.steps):
            try:
                return self.load(step)
            except CheckpointError as fault:
                damaged = fault
                warn(f"{fault}; going back to the one before")
                _put_aside(self.place(step))
        if damaged is not None or any(self.folder.glob(f"*{BROKEN}")):
            remedy = "restore a checkpoint from a copy, or begin again with another -o"
            raise CheckpointError("all checkpoints are damaged", source=self.folder, remedy=remedy) from damaged
        return None

    def load(self, step: int) -> dict[str, Any]:
        """Training state of a step.

        Raises:
            CheckpointError: The checkpoint is missing or damaged.
        """
        return _read(self.place(step))

    def _goes_on(self) -> str:
        return f"the same command goes on from step {self.steps[-1]}" if self.steps else "the same command begins again"

    def _check_room(self, state: dict[str, Any], model: UniversalModel) -> float:
        """Check the free disk space for a checkpoint; returns its size in bytes."""
        needed = ROOM * (checkpoint_bytes(state, model) + COPIES * _model_bytes(model))
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            reason = f"the disk is full: a checkpoint needs {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are free"
            raise OutputError(reason, source=self.folder, remedy=f"make room; {self._goes_on()}")
        return needed


def steps_in(folder: Path) -> list[int]:
    """Steps with a checkpoint in a folder, ascending; empty if the folder does not exist."""
    names = (path.name.removeprefix(PREFIX) for path in folder.glob(f"{PREFIX}*"))
    return sorted(int(name) for name in names if name.isdigit())


def _write(folder: Path, step: int, state: dict[str, Any], model: UniversalModel) -> None:
    torch.save(state, folder / STATE_FILE)
    save_checkpoint(folder / MODEL_FILE, model, dtype=MODEL_DTYPE)  # rounded; resuming uses the full-precision state
    files = {name: _facts(folder / name) for name in (STATE_FILE, MODEL_FILE)}
    document = stamped(Schema.CHECKPOINT, {"step": step, "files": files})
    (folder / MANIFEST).write_text(json_text(document), encoding="utf-8")


def _read(folder: Path) -> dict[str, Any]:
    """Verify the files of a checkpoint against its manifest and return the state."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if (version := version_of(manifest, Schema.CHECKPOINT)) > VERSIONS[Schema.CHECKPOINT]:
            raise CheckpointError(f"is of format {version}, newer than this version", source=folder)
        for name, facts in manifest["files"].items():
            if _facts(folder / name) != facts:
                raise CheckpointError(f"is damaged: {name} is not what was written", source=folder)
        state = torch.load(folder / STATE_FILE, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as fault:  # torch and json raise many exception types, none meant for users
        raise CheckpointError(f"is damaged: {type(fault).__name__} {fault}", source=folder) from fault
    assert isinstance(state, dict)
    return state


def _disk_fault(fault: Exception) -> str:
    if isinstance(fault, OutputError):
        return fault.reason
    return f"the disk takes no more ({str(fault).partition(chr(10))[0]})"


def _put_aside(folder: Path) -> None:
    aside = folder.with_name(folder.name + BROKEN)
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def checkpoint_bytes(state: dict[str, Any], model: UniversalModel) -> int:
    """Size of a checkpoint's files in bytes, without names and JSON."""
    return sum(tensor.nbytes for tensor in _tensors(state)) + _model_bytes(model)


def _model_bytes(model: UniversalModel) -> int:
    width = MODEL_DTYPE.itemsize
    return sum(t.numel() * width if t.is_floating_point() else t.nbytes for t in model.state_dict().values())


def _tensors(thing: Any) -> Iterator[torch.Tensor]:
    if isinstance(thing, torch.Tensor):
        yield thing
    elif isinstance(thing, dict | list | tuple):
        for inner in thing.values() if isinstance(thing, dict) else thing:
            yield from _tensors(inner)
