"""Labelled cases to audit: case folders, a store, or raw datasets with a recipe."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path

from omentum.annotate.audit.options import AuditOptions
from omentum.annotate.stored_images import stored_image, write_images
from omentum.data.datasets.find import find_all_cases
from omentum.data.datasets.named_folder import folders_by_name
from omentum.data.datasets.raw_case import RawCase
from omentum.data.harmonise.read import read_raw
from omentum.data.store.store import Store
from omentum.data.store.stored_case import LABEL_FILE
from omentum.errors import InputError, UsageError
from omentum.evaluate.stored_reference import is_store, read_stored
from omentum.io.nifti import read_volume
from omentum.io.truth import DESCRIPTION, read_case
from omentum.progress import ProgressListener
from omentum.segmentation import Segmentation
from omentum.volume import Volume
from omentum.words import keys_of, structures_in

PHASES = {
    "no contrast": ("nc", "native", "non-contrast", "noncontrast", "unenhanced", "plain"),
    "arterial": ("art", "a", "late arterial", "early arterial"),
    "portal venous": ("pv", "portal", "venous", "portal-venous", "v"),
    "delayed": ("del", "d", "late", "excretory", "nephrographic"),
}
"""Contrast phase, as in the quality rules -> other words for it."""


@dataclass(frozen=True)
class AuditCase:
    """A labelled CT.

    Args:
        name: Name of the case.
        ct: File or folder of the CT.
        folder: Case folder, or folder of a case in a store; None for a raw case.
        raw: Raw case; None for others.
        phase: Declared contrast phase in our words; None if it is not known.
        declared: Structures that are said to be there.
        unreadable: Why its CT cannot be read; "" if it can.
    """

    name: str
    ct: Path
    folder: Path | None = None
    raw: RawCase | None = None
    phase: str | None = None
    declared: frozenset[str] = frozenset()
    unreadable: str = ""

    def read(self) -> tuple[Volume, Segmentation]:
        """CT and labels on its grid.

        Raises:
            InputError: they cannot be read.
        """
        if self.raw is not None:
            read = read_raw(self.raw)
            return read.ct, read.truth
        assert self.folder is not None
        if (self.folder / LABEL_FILE).is_file():
            truth, _ = read_stored(self.folder)
            return read_volume(self.ct), truth
        ct, truth, _ = read_case(self.folder)
        return ct, truth


def find_labelled(
    source: Path | None, options: AuditOptions, images: Path, progress: ProgressListener
) -> list[AuditCase]:
    """Find the cases; CTs of a store are written to `images`.

    Raises:
        UsageError: nothing to audit, or two cases of one name.
        InputError: a folder holds no labelled case, or a file cannot be read.
    """
    phases = {} if options.phases is None else read_phases(options.phases)
    declared = {} if options.declared is None else read_declared(options.declared)
    cases = [] if source is None else _of_source(source, images, progress)
    for found in find_all_cases(folders_by_name(list(options.dataset))).values() if options.dataset else ():
        cases += [AuditCase(case.name, case.image, raw=case) for case in found.cases]
    if not cases:
        raise UsageError("nothing to audit", remedy="give a store, a folder of cases, or --dataset NAME=FOLDER")
    names = [case.name for case in cases]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"two cases have the name {twice[0]!r}", remedy="audit them one after the other")
    for path, known in ((options.phases, phases), (options.declared, declared)):
        if path is not None and not set(known) & set(names):
            raise InputError("names none of the cases", source=path, remedy=f"they are called like {names[0]}")
    return [_with_statements(case, phases, declared.get(case.name, frozenset())) for case in cases]


def read_phases(path: Path) -> dict[str, str]:
    """Case name -> contrast phase in our words, from a CSV file.

    Raises:
        InputError: the file cannot be read, or a phase is unknown.
    """
    found = {}
    for case, word in _two_columns(path, "phase"):
        phase = phase_of(word)
        if phase is None:
            remedy = f"use {', '.join(PHASES)}"
            raise InputError(f"{word!r} is no contrast phase", source=path, remedy=remedy)
        found[case] = phase
    return found


def read_declared(path: Path) -> dict[str, frozenset[str]]:
    """Case name -> structures said to be there, from a CSV file.

    Raises:
        InputError: the file cannot be read.
        UsageError: a structure is unknown.
    """
    found: dict[str, frozenset[str]] = {}
    for case, word in _two_columns(path, "structure"):
        found[case] = found.get(case, frozenset()) | frozenset(keys_of(structures_in([word], guesses=False)))
    return found


def _two_columns(path: Path, second: str) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [(row["case"].strip(), row[second].strip()) for row in csv.DictReader(file)]
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    except (KeyError, AttributeError, ValueError, csv.Error) as fault:
        remedy = f"CSV with the columns case,{second}"
        raise InputError(f"is no list of {second}s", source=path, remedy=remedy) from fault


def phase_of(word: str) -> str | None:
    """Contrast phase in our words; None if it is unknown."""
    plain = word.strip().lower()
    return next((phase for phase, words in PHASES.items() if plain == phase or plain in words), None)


def _of_source(source: Path, images: Path, progress: ProgressListener) -> list[AuditCase]:
    if not source.is_dir():
        raise InputError("is no folder", source=source, remedy="give a store or a folder of cases")
    if is_store(source):
        return _of_store(source, images, progress)
    found = [source] if (source / DESCRIPTION).is_file() else sorted(p.parent for p in source.glob(f"*/{DESCRIPTION}"))
    if not found:
        remedy = "case folders as omentum phantom writes them, a store, or --dataset NAME=FOLDER"
        raise InputError("holds no labelled case", source=source, remedy=remedy)
    return [AuditCase(folder.resolve().name, folder / "ct.nii.gz", folder) for folder in found]


def _of_store(path: Path, images: Path, progress: ProgressListener) -> list[AuditCase]:
    store = Store.open(path)
    failed = write_images(store, images, progress)
    return [
        AuditCase(case.name, stored_image(images, case.name), store.folder(case), unreadable=failed.get(case.name, ""))
        for case in store.cases
    ]


def _with_statements(case: AuditCase, phases: dict[str, str], declared: frozenset[str]) -> AuditCase:
    phase = phases.get(case.name)
    if phase is None and case.folder is not None and (case.folder / DESCRIPTION).is_file() and case.raw is None:
        phase = _phase_in(case.folder / DESCRIPTION)
    return replace(case, phase=phase, declared=declared)


def _phase_in(path: Path) -> str | None:
    """The phase in the facts of a case folder."""
    try:
        facts = json.loads(path.read_bytes())["facts"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    word = facts.get("phase") or facts.get("protocol", {}).get("phase")
    return phase_of(word) if isinstance(word, str) else None
