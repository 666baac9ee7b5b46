"""Cases that show what a model still knows, and cases with other lists of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from omentum.data.sampling.cases import LabelledCase, TrainingCase
from omentum.data.sampling.load import load_folder
from omentum.data.sampling.load_store import load_store
from omentum.data.sampling.store_cases import StoreCase
from omentum.data.splits.division import Division, ScanOfDataset
from omentum.data.store.store import MANIFEST
from omentum.errors import warn_of_case
from omentum.fingerprint import row_digests, scan_digest
from omentum.progress import TrainingListener
from omentum.spec import CheckpointSpec
from omentum.train.extend.comparison import ReferenceCase
from omentum.train.extend.options import ExtendOptions


def reference_cases(
    options: ExtendOptions, classes: Sequence[str], spec: CheckpointSpec, progress: TrainingListener
) -> list[ReferenceCase]:
    """Cases of `options.check`, in memory; none without it.

    Raises:
        InputError: There is no usable case.

    Warns:
        CaseWarning: The parent has learned from some of them, so that its Dice there is too good.
    """
    place = options.check
    if place is None:
        return []
    if (place / MANIFEST).exists():
        _, cases = load_store(place, classes, spec.preprocess, _all_held_out)
    else:
        cases = load_folder(place, classes, spec.preprocess, lambda *done: progress.reading(place.name, *done))
    seen = [case.name for case in cases if _has_seen(spec, case)]
    if seen:
        text = f"{place}: the parent has learned from {len(seen)} of {len(cases)} cases, such as {seen[0]}"
        warn_of_case(f"{text}; what it knew before looks better than it is", stacklevel=2)
    return [ReferenceCase(case) for case in cases]


def narrowed(case: TrainingCase, classes: Sequence[str], wanted: Sequence[str]) -> TrainingCase:
    """The same case with other classes.

    Args:
        case: With `classes`.
        classes: Its class keys.
        wanted: The class keys it shall have, all among `classes`.
    """
    if tuple(classes) == tuple(wanted):
        return case
    columns = [list(classes).index(key) for key in wanted]
    if isinstance(case, LabelledCase):
        return replace(
            case,
            sets=case.sets[:, columns],
            annotated=case.annotated[columns],
            voxels={n: case.voxels[k] for n, k in enumerate(columns) if k in case.voxels},
            points={n: case.points[k] for n, k in enumerate(columns) if k in case.points},
        )
    assert isinstance(case, StoreCase)
    return replace(
        case,
        sets=case.sets[:, columns],
        annotated=case.annotated[columns],
        voxels={n: case.voxels[k] for n, k in enumerate(columns) if k in case.voxels},
        keys=tuple(wanted),
    )


def _all_held_out(cases: Sequence[ScanOfDataset]) -> Division:
    return Division(frozenset(), frozenset(case.name for case in cases), whole=True)


def _has_seen(spec: CheckpointSpec, case: LabelledCase) -> bool:
    return scan_digest(case.hashes) in spec.trained_on or not spec.trained_on_rows.isdisjoint(row_digests(case.hashes))
