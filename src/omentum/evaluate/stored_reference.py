"""A prepared store, or a part of its split, as reference, on the grid of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError, InputError
from omentum.evaluate.pairing import (
    Find,
    IdOf,
    Pair,
    PairedCases,
    nothing_together,
    prediction_of,
    single_prediction,
)
from omentum.evaluate.split_part import SplitPart
from omentum.formatting import listed
from omentum.io.case_names import case_name
from omentum.result_files import SEGMENTATIONS
from omentum.segmentation import Segmentation
from omentum.volume import Grid

if TYPE_CHECKING:
    from omentum.data.store.store import Store
    from omentum.data.store.stored_case import StoredCase


def is_store(path: Path) -> bool:
    """Whether a path is a prepared store, complete or not."""
    from omentum.data.store.store import CASES, MANIFEST

    return (path / MANIFEST).is_file() or (path / CASES).is_dir()


def is_stored(folder: Path) -> bool:
    """Whether a path is the folder of a case in a store."""
    from omentum.data.store.stored_case import LABEL_FILE

    return (folder / LABEL_FILE).is_file()


def find_stored(pred: Path, store: Path, split: SplitPart | None, patients: Mapping[str, str]) -> PairedCases:
    """Find the cases of a store, or of a part of its split, with their predictions by name.

    Args:
        pred: Folder of predictions, or a single prediction named after its case.
        store: A completed store.
        split: See `omentum.evaluate.split_part`.
        patients: Case name -> patient; overrides the store.

    Raises:
        InputError: there are no cases, or no names match.
    """
    if not pred.exists():
        raise InputError("no such file or folder", source=pred)
    held = {case.name: case for case in _open(store).cases}
    wanted = list(held) if split is None else split.names
    absent = [name for name in wanted if name not in held]
    single = single_prediction(pred)
    if single:
        name, file = single
        pairs = [_pair(_named(name, held, store), file, store, patients)]
        return PairedCases(pairs, frozenset(held))
    pairs = [_pair(held[n], _prediction(held[n], pred, split), store, patients) for n in wanted if n in held]
    if not any(pair.prediction for pair in pairs):
        raise nothing_together(pred, list(held))
    _refuse_shared(pairs)
    remarks = (f"{store}: holds no case {listed(absent, quoted=True)} of the split",) if absent else ()
    return PairedCases(pairs, frozenset(held) | _names_of(pairs), remarks)


def _same_in(dataset: str) -> IdOf:
    """Function from the name of a case in a store, or of its image or labels in the dataset, to the dataset's id."""
    from omentum.data.datasets.raw_case import id_of
    from omentum.data.datasets.recipe_catalogue import bundled_recipes

    recipe, prefix = bundled_recipes().get(dataset), f"{dataset}_"

    def same(name: str) -> str:
        if name.startswith(prefix):
            return unquote(name.removeprefix(prefix))
        return name if recipe is None else id_of(recipe, name)

    return same


def _prediction(case: StoredCase, folder: Path, split: SplitPart | None) -> Path | None:
    """Prediction by the name in the store, otherwise by the name of the CT in the dataset ("volume-0" for lits_0)."""
    same = _same_in(case.dataset)
    if split is None:
        return prediction_of(case.name, folder, same)
    return replace(split, same=same).prediction_of(case.name, folder)


def _named(name: str, held: Mapping[str, StoredCase], store: Path) -> StoredCase:
    """The case that a single prediction is named after; see `_prediction`."""
    if name in held:
        return held[name]
    meant = [case for case in held.values() if _same_in(case.dataset)(case.name) == _same_in(case.dataset)(name)]
    return meant[0] if len(meant) == 1 else _open(store).case(name)


def _refuse_shared(pairs: Sequence[Pair]) -> None:
    """Refuse predictions named by an id that occurs in several datasets, which is ambiguous.

    Raises:
        InputError: there is such a prediction.
    """
    taken: dict[Path, str] = {}
    for pair in pairs:
        if pair.prediction and (other := taken.setdefault(pair.prediction, pair.name)) != pair.name:
            reason = f"may be {other!r} or {pair.name!r} of the store"
            raise InputError(reason, source=pair.prediction, remedy="call it as the store does")


def _names_of(pairs: Sequence[Pair]) -> frozenset[str]:
    """Expected names of the predictions of these cases."""
    files = [pair.prediction for pair in pairs if pair.prediction]
    return frozenset(case_name(file.parent if file.name in SEGMENTATIONS else file) for file in files)


def finder(store: Path, split: SplitPart | None) -> Find:
    """Function that finds the prediction of a stored case in a folder of predictions."""
    held = {case.name: case for case in _open(store).cases}
    return lambda name, folder: _prediction(held[name], folder, split)


def read_stored(folder: Path) -> tuple[Segmentation, str]:
    """Read truth and patient of a case in a store, on the grid of the store."""
    store, case = _stored(folder)
    bits = store.read(case).bits
    return Segmentation(bits, case.grid.affine, store.classes, frozenset(case.annotated)), case.patient


def stored_case(folder: Path) -> StoredCase:
    """Description of a case in a store."""
    return _stored(folder)[1]


def stored_hu(folder: Path) -> NDArray[np.int16]:
    """Read the CT of a case in a store in HU, int16, on the grid of the store."""
    store, case = _stored(folder)
    return store.read(case).hu


def on_stored_grid(segmentation: Segmentation, folder: Path) -> Segmentation:
    """Resample a segmentation of the case's CT to the grid of the store, with the crop of its truth.

    Raises:
        GeometryError: the segmentation is not on the grid of the CT.
    """
    bits = array_on_stored_grid(segmentation.bits, segmentation.grid, folder)
    affine = _stored(folder)[1].grid.affine
    return Segmentation(bits, affine, segmentation.classes, segmentation.annotated)


def array_on_stored_grid(voxels: NDArray[Any], grid: Grid, folder: Path) -> NDArray[Any]:
    """Resample voxels [..., i, j, k] from the grid of the case's CT to that of the store; see `on_stored_grid`.

    Raises:
        GeometryError: the voxels are not on the grid of the CT.
    """
    from omentum.boxes import box_of, cropped_grid
    from omentum.preprocess.grid import model_grid, nearest_on_model_grid
    from omentum.preprocess.upright import labels_upright, upright_grid
    from omentum.spec import PreprocessSpec

    store, case = _stored(folder)
    made = store.manifest["options"]
    spec = PreprocessSpec(spacing_mm=tuple(made["spacing_mm"]), orientation=made["orientation"])
    box = box_of(case.crop_start, _sum(case.crop_start, case.shape))
    whole = model_grid(upright_grid(grid, spec), spec)
    if whole.shape != case.whole_shape or not cropped_grid(whole, box).same_as(case.grid):
        raise GeometryError(
            f"is not on the grid of the CT that {case.name!r} was prepared from",
            remedy="give the output of omentum segment for that CT",
        )
    return nearest_on_model_grid(*labels_upright(voxels, grid, spec), spec)[..., *box]


def _open(store: Path) -> Store:
    return _opened(store, store.resolve())


@lru_cache(maxsize=1)
def _opened(store: Path, _where: Path) -> Store:
    """Open a store; cached by absolute path, because a relative path depends on the working directory."""
    from omentum.data.store.store import Store

    return Store.open(store)


def _stored(folder: Path) -> tuple[Store, StoredCase]:
    store = _open(folder.parents[1])
    return store, store.case(folder.name)


def _pair(case: StoredCase, prediction: Path | None, store: Path, patients: Mapping[str, str]) -> Pair:
    return Pair(case.name, prediction, _open(store).folder(case), patients.get(case.name, ""))


def _sum(a: Sequence[int], b: Sequence[int]) -> tuple[int, int, int]:
    i, j, k = (x + y for x, y in zip(a, b, strict=True))
    return i, j, k
