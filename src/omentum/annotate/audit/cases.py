"""Labelled cases to audit: case folders, a store, or raw datasets with a recipe."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omentum.data.datasets.find import find_all_cases
from omentum.data.datasets.named_folder import folders_by_name
from omentum.data.datasets.raw_case import RawCase
from omentum.data.harmonise.read import read_raw
from omentum.data.store.store import Store
from omentum.data.store.stored_case import LABEL_FILE
from omentum.errors import InputError, UsageError
from omentum.evaluate.stored_reference import is_store, read_stored
from omentum.io.nifti import read_volume, write_volume
from omentum.io.truth import DESCRIPTION, read_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume

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
    """

    name: str
    ct: Path
    folder: Path | None = None
    raw: RawCase | None = None
    phase: str | None = None

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


def find_labelled(source: Path | None, datasets: Sequence[str], images: Path, phases: Path | None) -> list[AuditCase]:
    """Find the cases; CTs of a store are written to `images`.

    Raises:
        UsageError: nothing to audit, or two cases of one name.
        InputError: a folder holds no labelled case, or a file cannot be read.
    """
    declared = {} if phases is None else read_phases(phases)
    cases = [] if source is None else _of_source(source, images)
    for found in find_all_cases(folders_by_name(list(datasets))).values() if datasets else ():
        cases += [AuditCase(case.name, case.image, raw=case) for case in found.cases]
    if not cases:
        raise UsageError("nothing to audit", remedy="give a store, a folder of cases, or --dataset NAME=FOLDER")
    names = [case.name for case in cases]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"two cases have the name {twice[0]!r}", remedy="audit them one after the other")
    return [_with_phase(case, declared) for case in cases]


def read_phases(path: Path) -> dict[str, str]:
    """Case name -> contrast phase in our words, from a CSV file.

    Raises:
        InputError: the file cannot be read, or a phase is unknown.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(row["case"].strip(), row["phase"]) for row in csv.DictReader(file)]
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    except (KeyError, AttributeError, ValueError, csv.Error) as fault:
        raise InputError("is no list of phases", source=path, remedy="CSV with the columns case,phase") from fault
    found = {}
    for case, word in rows:
        phase = phase_of(word)
        if phase is None:
            remedy = f"use {', '.join(PHASES)}"
            raise InputError(f"{word!r} is no contrast phase", source=path, remedy=remedy)
        found[case] = phase
    return found


def phase_of(word: str) -> str | None:
    """Contrast phase in our words; None if it is unknown."""
    plain = word.strip().lower()
    return next((phase for phase, words in PHASES.items() if plain == phase or plain in words), None)


def _of_source(source: Path, images: Path) -> list[AuditCase]:
    if not source.is_dir():
        raise InputError("is no folder", source=source, remedy="give a store or a folder of cases")
    if is_store(source):
        return _of_store(source, images)
    found = [source] if (source / DESCRIPTION).is_file() else sorted(p.parent for p in source.glob(f"*/{DESCRIPTION}"))
    if not found:
        remedy = "case folders as omentum phantom writes them, a store, or --dataset NAME=FOLDER"
        raise InputError("holds no labelled case", source=source, remedy=remedy)
    return [AuditCase(folder.resolve().name, folder / "ct.nii.gz", folder) for folder in found]


def _of_store(path: Path, images: Path) -> list[AuditCase]:
    store, cases = Store.open(path), []
    for case in store.cases:
        target = images / f"{case.name}.nii.gz"
        if not target.is_file():
            write_volume(target, Volume(store.read(case).hu, case.grid.affine))
        cases.append(AuditCase(case.name, target, store.folder(case)))
    return cases


def _with_phase(case: AuditCase, declared: dict[str, str]) -> AuditCase:
    phase = declared.get(case.name)
    if phase is None and case.folder is not None and (case.folder / DESCRIPTION).is_file() and case.raw is None:
        phase = _phase_in(case.folder / DESCRIPTION)
    return AuditCase(case.name, case.ct, case.folder, case.raw, phase)


def _phase_in(path: Path) -> str | None:
    """The phase in the facts of a case folder."""
    try:
        facts = json.loads(path.read_bytes())["facts"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    word = facts.get("phase") or facts.get("protocol", {}).get("phase")
    return phase_of(word) if isinstance(word, str) else None
