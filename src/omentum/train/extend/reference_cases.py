"""Cases that show what a model still knows, and cases with other lists of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omentum.data.sampling.cases import LabelledCase, TrainingCase
from omentum.data.sampling.load import load_folder
from omentum.data.sampling.load_store import load_store
from omentum.data.sampling.measurable import measurable
from omentum.data.sampling.sampler import PatchSource
from omentum.data.sampling.store_cases import StoreCase
from omentum.data.splits.division import Division, ScanOfDataset, copies
from omentum.data.store.store import MANIFEST
from omentum.errors import UsageError, warn_of_case
from omentum.progress import TrainingListener
from omentum.spec import CheckpointSpec
from omentum.train.extend.comparison import ReferenceCase
from omentum.train.extend.options import ExtendOptions
from omentum.train.run.start import Start


def reference_cases(
    options: ExtendOptions,
    classes: Sequence[str],
    spec: CheckpointSpec,
    trained: Sequence[PatchSource],
    progress: TrainingListener,
) -> list[ReferenceCase]:
    """Cases of `options.check`, in memory; none without it.

    Raises:
        InputError: There is no usable case.
        UsageError: All of them are trained on.

    Warns:
        CaseWarning: Some are among the training cases (and left out), or the parent has learned from some of them, so
            that its Dice there is too good.
    """
    place = options.check
    if place is None:
        return []
    if (place / MANIFEST).exists():
        _, cases = load_store(place, classes, spec.preprocess, _all_held_out)
    else:
        cases = load_folder(place, classes, spec.preprocess, lambda *done: progress.reading(place.name, *done))
    cases, remark = measurable(cases, classes)
    if remark:
        progress.note(f"{place}: {remark}")
    if not cases:
        remedy = "--check takes cases that a person labelled"
        raise UsageError("all of its labels are accepted predictions", source=place, remedy=remedy)
    cases = _not_trained_on(place, cases, [case for source in trained for case in source.cases])
    start = Start(None, spec)
    seen = [case.name for case in cases if start.has_seen(case)]
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
            assisted=frozenset(n for n, k in enumerate(columns) if k in case.assisted),
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


def _not_trained_on(place: Path, cases: tuple[LabelledCase, ...], trained: Sequence[Any]) -> tuple[LabelledCase, ...]:
    """Leave out scans that the extension is trained on, and other scans of their patients."""
    both = {here for here, _, _ in copies(cases, trained)}
    if not both:
        return cases
    if len(both) == len(cases):
        remedy = (
            "--check takes cases that are neither in --data nor in --rehearse; without it, some of those are held out"
        )
        raise UsageError("all of its cases are trained on", source=place, remedy=remedy)
    text = f"{place}: {len(both)} of {len(cases)} cases are trained on, such as {cases[min(both)].name}"
    warn_of_case(f"{text}; they are not measured", stacklevel=3)
    return tuple(case for number, case in enumerate(cases) if number not in both)
