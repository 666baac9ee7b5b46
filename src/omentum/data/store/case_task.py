"""Bringing one case of a store up to date: look whether it is, make it if not, tell what came of it; never raise."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from omentum.atomic import replacing_folder
from omentum.data.datasets.raw_case import RawCase
from omentum.data.datasets.recipe_catalogue import Target
from omentum.data.store.prepare_case import StoreOptions, prepare_case
from omentum.data.store.source_hash import known_hash, source_hash
from omentum.data.store.store import CACHE, CASES
from omentum.data.store.stored_case import CaseKey, StoredCase
from omentum.errors import OmentumError

if TYPE_CHECKING:
    from omentum.data.harmonise.read import HarmonisedCase

Read = Callable[[RawCase], "HarmonisedCase"]
State = Literal["prepared", "kept", "failed"]

_STRAYS = ("stray", "stray inside")
_STRAY_REMEDY = "say in the recipe what they are: [values], ignored or not_annotated"


@dataclass(frozen=True)
class PreparationOutcome:
    """What became of a case.

    Args:
        name: Of the case.
        state: Made now, there already, or impossible.
        error: Why it failed, one line naming the file; "" if it did not.
        reason: The same without the place on this machine.
        warning: What its labels hold that the recipe does not know, one line naming the file; "" for nothing.
    """

    name: str
    state: State
    error: str = ""
    reason: str = ""
    warning: str = ""


@dataclass(frozen=True)
class CaseTask:
    """One case to be in a store.

    Args:
        case: Where it is from.
        out: The store's folder.
        options: What the store is made like.
        read: Raw case -> CT and truth; may be sent to another process.
    """

    case: RawCase
    out: Path
    options: StoreOptions
    read: Read

    @property
    def folder(self) -> Path:
        """Where the case will be."""
        return self.out / CASES / self.case.name

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files and folders that the case is made from."""
        return self.case.image, *self.case.labels

    @property
    def hash_cache(self) -> Path:
        """Cache of the hash of its files."""
        return self.out / CACHE / f"{self.case.name}.json"

    def key(self, source: str) -> CaseKey:
        """What the case would be made from."""
        return CaseKey(recipe_hash(self.case), source, self.options.sha256)

    def failed(self, reason: str) -> PreparationOutcome:
        """The outcome of a failure, with the file named."""
        return PreparationOutcome(self.case.name, "failed", f"{self.case.image}: {reason}", reason)


def is_up_to_date(task: CaseTask, stored: StoredCase | None) -> bool:
    """Whether that can be told without reading the files: no size and no date has changed."""
    try:
        source = known_hash(task.paths, task.hash_cache)
    except OmentumError:
        return False
    return stored is not None and source is not None and is_whole(stored) and stored.key == task.key(source)


def is_whole(stored: StoredCase) -> bool:
    """Whether a case has what every case has by now; one of an earlier version lacks the scan's fingerprint."""
    return bool(stored.slices)


def bring_up_to_date(task: CaseTask) -> PreparationOutcome:
    """Read the case's files, and make the case unless the store holds it just so."""
    try:
        with _one_thread():
            state, strays = _made(task)
        return PreparationOutcome(
            task.case.name, state, warning=f"{task.paths[-1]}: {strays} ({_STRAY_REMEDY})" if strays else ""
        )
    except OmentumError as fault:
        return PreparationOutcome(task.case.name, "failed", str(fault), fault.reason)
    except Exception as fault:
        return task.failed(f"internal fault: {type(fault).__name__}: {fault}")


def recipe_hash(case: RawCase) -> str:
    """Hash of what a recipe makes of one case; a new title or a rule about another case does not change it."""
    recipe = case.recipe
    meaning: dict[str, Any] = {
        "kinds": (case.layout.image_kind, case.layout.label_kind),
        "values": [(value, _meaning(target)) for value, target in sorted(recipe.values.items())],
        "masks": [
            (pattern, _meaning(target)) for pattern, target in recipe.masks.items()
        ],  # the first that fits counts
        "ignored": sorted(map(repr, recipe.ignored)),
        "annotated": sorted(case.annotated),
        "annotated_if_present": sorted(case.annotated_if_present),
        "case": (case.id, case.patient, case.suspect),
    }
    if recipe.hu_offset:
        meaning["hu_offset"] = recipe.hu_offset
    if hiding := sorted(value for value, target in recipe.values.items() if target.hides):
        meaning["not_annotated"] = hiding
    if case.healthy:  # only then: cases prepared before recipes could say so are still up to date
        meaning["healthy"] = sorted(case.healthy)
    return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()


def _meaning(target: Target) -> tuple[list[str], list[str], bool]:
    return sorted(target.structures), sorted(target.pairs), bool(target.unknown)


def _made(task: CaseTask) -> tuple[State, str]:
    """What was done, and which strays were met."""
    key = task.key(source_hash(task.paths, task.hash_cache))
    if task.folder.exists():
        there = StoredCase.read(task.folder)
        if there.key == key and is_whole(there):
            return "kept", ""
    case = task.read(task.case)
    made = prepare_case(task.case, case, task.options, key)
    with replacing_folder(task.folder) as folder:
        made.write(folder)
    return "prepared", "; ".join(note.text for note in case.notes if note.kind in _STRAYS)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums split over threads round differently, and as many processes as cores are at work already."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
