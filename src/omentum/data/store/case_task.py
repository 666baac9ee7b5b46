"""Update one case of a store: check it, prepare it if needed, and report the outcome without raising."""

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
from omentum.data.store.prepare_case import PreparedCase, StoreOptions, prepare_case
from omentum.data.store.source_hash import corrections_hash, known_hash, source_hash
from omentum.data.store.store import CACHE, CASES
from omentum.data.store.stored_case import CaseKey, StoredCase
from omentum.errors import OmentumError

if TYPE_CHECKING:
    from omentum.data.harmonise.read import HarmonisedCase

Read = Callable[[RawCase], "HarmonisedCase"]
Correct = Callable[[PreparedCase, Path], PreparedCase]
"""Applies the corrections that a store (its folder) holds for a prepared case."""
State = Literal["prepared", "kept", "failed"]

_STRAYS = ("stray", "stray inside")
_STRAY_REMEDY = "say in the recipe what they are: [values], ignored or not_annotated"


@dataclass(frozen=True)
class PreparationOutcome:
    """Outcome of preparing one case.

    Args:
        name: Case name.
        state: Whether it was prepared, was up to date, or failed.
        error: Reason of a failure, one line naming the file; "" on success.
        reason: The same without the local path.
        warning: Labels that the recipe does not know, one line naming the file; "" if none.
    """

    name: str
    state: State
    error: str = ""
    reason: str = ""
    warning: str = ""


@dataclass(frozen=True)
class CaseTask:
    """One case to be prepared for a store.

    Args:
        case: The raw case.
        out: Folder of the store.
        options: Options of the store.
        read: Reads CT and labels of the raw case; must be picklable.
        correct: Applies corrections; must be picklable. None leaves them out.
    """

    case: RawCase
    out: Path
    options: StoreOptions
    read: Read
    correct: Correct | None = None

    @property
    def folder(self) -> Path:
        """Folder of the prepared case."""
        return self.out / CASES / self.case.name

    @property
    def paths(self) -> tuple[Path, ...]:
        """Source files and folders of the case."""
        return self.case.image, *self.case.labels

    @property
    def hash_cache(self) -> Path:
        """Cache file for the hash of the sources."""
        return self.out / CACHE / f"{self.case.name}.json"

    def key(self, source: str) -> CaseKey:
        """Hashes of everything the case would be prepared from."""
        return CaseKey(recipe_hash(self.case), source, self.options.sha256)

    def is_made_of(self, stored: StoredCase, source: str) -> bool:
        """Whether a stored case is complete, and made of these sources, options and corrections."""
        corrections = corrections_hash(self.out, self.case.name) if self.correct else ""
        return is_whole(stored) and stored.key == self.key(source) and stored.corrections == corrections

    def failed(self, reason: str) -> PreparationOutcome:
        """Outcome of a failure, naming the file."""
        return PreparationOutcome(self.case.name, "failed", f"{self.case.image}: {reason}", reason)


def is_up_to_date(task: CaseTask, stored: StoredCase | None) -> bool:
    """Whether a case is up to date as far as file sizes and modification times tell, without reading the files."""
    try:
        source = known_hash(task.paths, task.hash_cache)
    except OmentumError:
        return False
    return stored is not None and source is not None and task.is_made_of(stored, source)


def is_whole(stored: StoredCase) -> bool:
    """Whether a stored case is complete; cases of earlier versions lack the scan fingerprint."""
    return bool(stored.slices)


def bring_up_to_date(task: CaseTask) -> PreparationOutcome:
    """Hash the case's files, and prepare the case unless the store already holds this version."""
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
    """Hash of the recipe as it affects one case; a new title or a rule for another case does not change it."""
    recipe = case.recipe
    meaning: dict[str, Any] = {
        "kinds": (case.layout.image_kind, case.layout.label_kind),
        "values": [(value, _meaning(target)) for value, target in sorted(recipe.values.items())],
        "masks": [(pattern, _meaning(target)) for pattern, target in recipe.masks.items()],  # the first match counts
        "ignored": sorted(map(repr, recipe.ignored)),
        "annotated": sorted(case.annotated),
        "annotated_if_present": sorted(case.annotated_if_present),
        "case": (case.id, case.patient, case.suspect),
    }
    if recipe.hu_offset:
        meaning["hu_offset"] = recipe.hu_offset
    if hiding := sorted(value for value, target in recipe.values.items() if target.hides):
        meaning["not_annotated"] = hiding
    if case.healthy:  # only if set: cases prepared before this recipe field existed are still up to date
        meaning["healthy"] = sorted(case.healthy)
    if case.predicted:
        meaning["predicted"] = sorted(case.predicted)
    return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()


def _meaning(target: Target) -> tuple[list[str], list[str], bool]:
    return sorted(target.structures), sorted(target.pairs), bool(target.unknown)


def _made(task: CaseTask) -> tuple[State, str]:
    """Prepare the case; return the state and the stray label values."""
    source = source_hash(task.paths, task.hash_cache)
    if task.folder.exists() and task.is_made_of(StoredCase.read(task.folder), source):
        return "kept", ""
    case = task.read(task.case)
    made = prepare_case(task.case, case, task.options, task.key(source))
    if task.correct is not None:
        made = task.correct(made, task.out)
    with replacing_folder(task.folder) as folder:
        made.write(folder)
    return "prepared", "; ".join(note.text for note in case.notes if note.kind in _STRAYS)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Limit to one thread: parallel sums round differently, and there is already one process per core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
