"""Pairing of predictions with references: single files, folders of cases, and a second model for comparison."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from omentum.anatomy import STRUCTURES, Structure
from omentum.errors import InputError, UsageError
from omentum.formatting import listed
from omentum.io.case_names import SEGMENTATION_SUFFIXES, case_name, is_segmentation_name
from omentum.result_files import BATCH, SEGMENTATIONS, segmentation_in

DESCRIPTION = "case.json"
IdOf = Callable[[str], str]
Find = Callable[[str, Path], Path | None]

SCORES = (".csv", ".html", ".json")
"""Suffixes of files next to cases that may be scores of an earlier evaluation."""
NO_SCORES = frozenset({"store.json", *BATCH})
"""Files with these suffixes next to cases that are not scores."""


@dataclass(frozen=True)
class Pair:
    """Prediction and reference of one case.

    Args:
        name: Case name.
        prediction: File with all masks, or a label map; None if there is none.
        reference: Truth folder, result folder, file with all masks, or label map.
        patient: Patient identifier, if given by a list of patients.
    """

    name: str
    prediction: Path | None
    reference: Path
    patient: str = ""


@dataclass(frozen=True)
class PairedCases:
    """Cases to evaluate.

    Args:
        pairs: Pairs of the first model.
        known: Names of all reference cases, evaluated or not; predictions with other names are ignored.
        remarks: Messages for the user.
    """

    pairs: list[Pair]
    known: frozenset[str]
    remarks: tuple[str, ...] = ()


def find_pairs(
    pred: Path, ref: Path, patients: Mapping[str, str], same: IdOf = str, *, everywhere: bool = False
) -> list[Pair]:
    """Find the cases of a reference with their predictions by name, or the given single pair.

    Args:
        pred: Prediction file, or folder of predictions.
        ref: Reference file, or folder of references.
        patients: Case name -> patient.
        same: Case name -> id common to the names of image and labels ("0001" for "img0001" and "label0001").
        everywhere: Predictions may lie elsewhere than directly in `pred`, so finding none there is not an error.

    Raises:
        InputError: there are no cases, or no names match.
    """
    for path in (pred, ref):
        if not path.exists():
            raise InputError("no such file or folder", source=path)
    single = single_prediction(pred)
    if single:
        name, file = single
        return [Pair(name, file, ref, patients.get(name, ""))]
    if ref.is_file() or _is_reference(ref):
        raise InputError(
            f"has no {' or '.join(SEGMENTATIONS)}, and the reference is a single case",
            source=pred,
            remedy="give the output of omentum segment",
        )
    references = {case_name(path): path for path in sorted(ref.iterdir()) if _is_reference(path)}
    pairs = [Pair(n, prediction_of(n, pred, same), path, patients.get(n, "")) for n, path in references.items()]
    if not everywhere and not any(pair.prediction for pair in pairs):
        raise nothing_together(pred, list(references))
    return pairs


def find_others(other: Path, pairs: Sequence[Pair], same: IdOf = str, find: Find | None = None) -> list[Pair]:
    """Find the predictions of another model for the same cases.

    Args:
        other: Folder of its predictions.
        pairs: Pairs of the first model.
        same: See `find_pairs`.
        find: Function (case name, folder) -> prediction; by name by default.

    Raises:
        InputError: it has no prediction for any of the cases.
    """
    if not other.exists():
        raise InputError("no such file or folder", source=other)
    single = prediction_at(other) if len(pairs) == 1 else None
    find = find or partial(prediction_of, same=same)
    found = [Pair(p.name, single or find(p.name, other), p.reference, p.patient) for p in pairs]
    if not any(pair.prediction for pair in found):
        raise nothing_together(other, [pair.name for pair in found])
    return found


def nothing_together(folder: Path, names: Sequence[str]) -> InputError:
    """Error if no prediction has the name of a reference; lists actual and expected names."""
    there = [case_name(path) for path in sorted(folder.iterdir()) if _is_prediction(path)] if folder.is_dir() else []
    reason = f"holds no case of the reference by the same name: it has {listed(there, quoted=True) or 'no prediction'}"
    remedy = "rename them" if names and there else "give the folders that hold the cases"
    return InputError(
        f"{reason}; the reference has {listed(names, quoted=True) or 'none'}", source=folder, remedy=remedy
    )


def read_patients(path: Path) -> dict[str, str]:
    """Read case name -> patient from a CSV file with the columns `case` and `patient`.

    Raises:
        InputError: the file cannot be read or lacks these columns.
    """
    return dict(_two_columns(path, "patient", "is no list of patients"))


def read_healthy(path: Path) -> dict[str, frozenset[str]]:
    """Read case name -> lesion types known to be absent in the patient.

    Args:
        path: CSV file with the columns `case` and `structure`, one row per pair.

    Raises:
        InputError: the file cannot be read or lacks these columns.
        UsageError: a structure is unknown or not a lesion.
    """
    found: dict[str, frozenset[str]] = {}
    for case, name in _two_columns(path, "structure", "is no list of healthy cases"):
        row = _structure(name, path)
        if not row.is_lesion:
            raise UsageError(f"{name!r} is no lesion", source=path, remedy="liver tumour for example")
        found[case] = found.get(case, frozenset()) | {row.key}
    return found


def _structure(name: str, source: Path) -> Structure:
    try:
        return STRUCTURES.find(name)
    except UsageError as fault:
        fault.source = source
        raise


def _two_columns(path: Path, second: str, complaint: str) -> list[tuple[str, str]]:
    """The column `case` and another one of a CSV file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if not {"case", second} <= set(table.fieldnames or ()):
                raise KeyError(second)
            return [(row["case"].strip(), row[second].strip()) for row in table]
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    except (KeyError, AttributeError, ValueError, csv.Error) as fault:
        raise InputError(complaint, source=path, remedy=f"CSV with the columns case,{second}") from fault


def single_prediction(pred: Path) -> tuple[str, Path] | None:
    """Case name and file, if the path is a single prediction and not a folder of predictions."""
    single = prediction_at(pred)
    if not single:
        return None
    named = single.parent if single.name in SEGMENTATIONS else single
    return case_name(named.resolve()), single


def unknown_predictions(folder: Path, known: Collection[str], same: IdOf = str) -> str | None:
    """One line about predictions in a folder that match no reference; None if all do."""
    if not folder.is_dir() or single_prediction(folder):
        return None
    names = [case_name(path) for path in sorted(folder.iterdir()) if _is_prediction(path)]
    ids = {same(name) for name in known}
    stray = [name for name in names if name not in known and same(name) not in ids]
    if not stray:
        return None
    return f"{folder}: ignored, since no reference has the name: {listed(stray, quoted=True)}"


def unknown_healthy(path: Path, healthy: Collection[str], known: Collection[str]) -> str | None:
    """One line about cases in a list of healthy patients that match no reference; None if all do."""
    stray = sorted(set(healthy) - set(known))
    return f"{path}: ignored, since no reference has the name: {listed(stray, quoted=True)}" if stray else None


def unknown_references(folder: Path) -> tuple[str, ...]:
    """A line about folders among the references that contain no truth, so that no case is skipped silently."""
    stray = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and not _is_reference(path)]
    stray = [name for name in stray if not name.startswith(".")]
    told = f"{folder}: not evaluated, for want of a {DESCRIPTION} or segmentation: {listed(stray, quoted=True)}"
    return (told,) if stray else ()


def prediction_of(name: str, folder: Path, same: IdOf = str) -> Path | None:
    """Prediction of a case in a folder: by name, otherwise by id; see `find_pairs`."""
    suffixes = (*SEGMENTATION_SUFFIXES, *map(str.upper, SEGMENTATION_SUFFIXES))
    places = [folder / name, *(folder / f"{name}{suffix}" for suffix in suffixes)]
    if same is not str and not any(map(prediction_at, places)):
        predictions = filter(_is_prediction, sorted(folder.iterdir()))
        places = [path for path in predictions if same(case_name(path)) == same(name)]
    return next((found for place in places if (found := prediction_at(place))), None)


def prediction_at(path: Path) -> Path | None:
    """Segmentation that a file is or a case folder contains; None if there is none."""
    return path if path.is_file() else segmentation_in(path)


def read_in(path: Path) -> tuple[list[Path], list[Path]]:
    """Input files and folders of predictions or references, which must not be overwritten."""
    if path.is_file():
        beside = [path.parent] if path.name in SEGMENTATIONS else []
        return [path], beside
    if single_prediction(path) or (path / DESCRIPTION).is_file():
        return [], [path]
    entries = sorted(path.iterdir())
    kept = [one for one in entries if one.is_file() and (one.suffix not in SCORES or one.name in NO_SCORES)]
    return kept, [one for one in entries if one.is_dir()]


def _is_prediction(path: Path) -> bool:
    return segmentation_in(path) is not None or (path.is_file() and is_segmentation_name(path))


def _is_reference(path: Path) -> bool:
    return (path / DESCRIPTION).is_file() or segmentation_in(path) is not None or is_segmentation_name(path)
