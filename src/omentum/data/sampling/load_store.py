"""Load training cases from a prepared store: training cases lazily, held-out cases into memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from omentum.data.sampling.cases import LabelledCase, labelled_case
from omentum.data.sampling.measurable import rows_of
from omentum.data.sampling.store_cases import StoreCase
from omentum.data.splits.division import Division, all_trained_on
from omentum.data.store.store import Store, read_manifest
from omentum.data.store.stored_case import StoredCase
from omentum.errors import InputError, OmentumError, warn_of_case
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec
from omentum.volume import Volume

Case = TypeVar("Case")
Divide = Callable[[Sequence[StoreCase]], Division]


def load_store(
    path: Path,
    classes: Sequence[str],
    spec: PreprocessSpec,
    divide: Divide = all_trained_on,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[tuple[StoreCase, ...], tuple[LabelledCase, ...]]:
    """Cases of a store by name, split into training and held-out cases.

    Args:
        path: Store written by `omentum data prepare`.
        classes: Class keys of the model.
        spec: The model grid, which must match the store.
        divide: Splits the usable cases into training and held-out; by default all are for training.
        progress: Called with the number of held-out cases read and their total.

    Raises:
        InputError: There is no store, its grid differs, or it has no usable case.
    """
    store = Store.open(path)
    _check_grid(path, store.manifest, spec)
    known = [case for stored in store.cases if (case := _or_warn(partial(StoreCase.of, store, stored, classes)))]
    if not known:
        raise InputError("no usable cases", source=path, remedy="see omentum data stats")
    division = divide(known)
    wanted = [case.stored for case in known if case.name in division.validation]
    held = []
    for number, stored in enumerate(wanted):
        if progress:
            progress(number, len(wanted))
        labelled = _or_warn(partial(_labelled, store, stored, classes))
        held += [labelled] if labelled else []
    return tuple(case for case in known if case.name in division.train), tuple(held)


def _or_warn(load: Callable[[], Case]) -> Case | None:
    try:
        return load()
    except OmentumError as fault:
        warn_of_case(f"left out of training: {fault}", stacklevel=3)
        return None


def check_store(path: Path, spec: PreprocessSpec) -> None:
    """Check that a store has the model grid, before anything else is read.

    Raises:
        InputError: There is no store, or its grid differs.
    """
    _check_grid(path, read_manifest(path), spec)


def _check_grid(path: Path, manifest: Mapping[str, Any], spec: PreprocessSpec) -> None:
    made = manifest["options"]
    found = _format_grid(made["spacing_mm"], made["orientation"], made["antialias"])
    wanted = _format_grid(spec.spacing_mm, spec.orientation, spec.antialias)
    if found != wanted:
        grid = f"spacing_mm = {list(made['spacing_mm'])}, antialias = {str(made['antialias']).lower()}"
        remedy = f"train with {grid}, or prepare another: omentum data prepare --for PRESET (or the run's TOML file)"
        raise InputError(f"was prepared for {found}, not {wanted}", source=path, remedy=remedy)


def _format_grid(spacing_mm: Sequence[float], orientation: str, antialias: bool) -> str:
    smoothed = "smoothed first" if antialias else "not smoothed"
    return f"{' x '.join(f'{mm:g}' for mm in spacing_mm)} mm {orientation} {smoothed}"


def _labelled(store: Store, stored: StoredCase, classes: Sequence[str]) -> LabelledCase:
    hu, bits = store.read(stored)
    affine = stored.grid.affine
    truth = Segmentation(bits, affine, store.classes, frozenset(stored.annotated))
    # Seeded by name: a case has the same sampled voxels in every run.
    rng = np.random.default_rng(list(stored.name.encode()))
    case = labelled_case(stored.name, Volume(hu, affine), truth, classes, rng)
    assisted = rows_of(stored.assisted, classes)
    return replace(case, dataset=stored.dataset, patient=stored.patient, hashes=stored.hashes, assisted=assisted)
