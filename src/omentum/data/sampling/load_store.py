"""From a prepared store to training cases: those to train on are read as they are drawn, those held out at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from omentum.data.sampling.cases import LabelledCase, labelled_case
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
    """The cases of a store, by name, split into what is trained on and what is held out.

    Args:
        path: As `omentum data prepare` made it.
        classes: The model's class keys.
        spec: The model grid, which must be the store's.
        divide: Says of the usable cases who is trained on and who held out; all are trained on by default.
        progress: Called with held-out cases read, and how many there will be.

    Raises:
        InputError: no store, one on another grid, or no usable case.
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
    """Whether a store is on a grid, before anything of it is read.

    Raises:
        InputError: no store, or one on another grid.
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
    # A case keeps the same sampled voxels in every run: its name seeds them.
    rng = np.random.default_rng(list(stored.name.encode()))
    case = labelled_case(stored.name, Volume(hu, affine), truth, classes, rng)
    return replace(case, dataset=stored.dataset, patient=stored.patient, hashes=stored.hashes)
