"""Read the cases of a store or folder with the facts a split needs: patient, dataset, lesions, fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from omentum.anatomy import STRUCTURES
from omentum.data.datasets.fingerprint import find_matches, patient_groups
from omentum.data.splits.split import SplitCase
from omentum.data.store.store import MANIFEST, Store
from omentum.errors import InputError, UsageError
from omentum.fingerprint import slice_hashes
from omentum.io.truth import read_case

CountListener = Callable[[int, int], None]


def read_collections(places: Sequence[Path], progress: CountListener | None = None) -> list[SplitCase]:
    """Read all cases of some stores and folders.

    Args:
        places: Stores, and folders written by `omentum phantom`.
        progress: Called with the number of cases read from a folder and their total; stores are read at once.

    Raises:
        InputError: There is no case, a store has cases without a fingerprint, or a case cannot be read.
        UsageError: Two cases share a name.
    """
    cases: dict[str, SplitCase] = {}
    for place in places:
        found = _of_store(place) if (place / MANIFEST).exists() else _of_folder(place, progress)
        for case in found:
            if case.name in cases:
                raise UsageError(f"has a case {case.name!r} like another collection", source=place, remedy="rename one")
            cases[case.name] = case
    return list(cases.values())


def kept_together(cases: Sequence[SplitCase]) -> list[list[SplitCase]]:
    """Group cases by patient, using patient identifiers and identical scans."""
    by_name = {case.name: case for case in cases}
    matches = find_matches({case.name: case.hashes for case in cases})
    return [[by_name[name] for name in group] for group in patient_groups(cases, matches)]


def _of_store(place: Path) -> list[SplitCase]:
    store = Store.open(place)
    if old := [case.name for case in store.cases if not case.slices]:
        reason = f"does not know which scans its cases are ({old[0]} and others: it was prepared by an earlier version)"
        raise InputError(reason, source=place, remedy="run omentum data prepare again, with the same options")
    return [SplitCase(c.name, c.dataset, c.patient, lesions(c.annotated, c.structures), c.hashes) for c in store.cases]


def _of_folder(place: Path, progress: CountListener | None) -> list[SplitCase]:
    folders = sorted(path.parent for path in place.glob("*/case.json"))
    if not folders:
        remedy = "give a store (omentum data prepare) or a folder of cases (omentum phantom)"
        raise InputError("holds no cases", source=place, remedy=remedy)
    cases = []
    for number, folder in enumerate(folders):
        if progress:
            progress(number, len(folders))
        ct, truth, facts = read_case(folder)
        found = lesions(truth.annotated or (), truth.present())
        cases.append(SplitCase(folder.name, "", str(facts.get("patient", "")), found, slice_hashes(ct)))
    return cases


def lesions(annotated: Iterable[str], present: Iterable[str]) -> dict[str, bool]:
    """Annotated lesion types, and whether each is present."""
    there = frozenset(present)
    return {key: key in there for key in annotated if key in STRUCTURES.keys and STRUCTURES[key].is_lesion}
