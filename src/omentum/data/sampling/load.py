"""Load files as training cases on the model grid; an unusable case is reported and skipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from omentum.data.sampling.cases import LabelledCase, labelled_case
from omentum.data.sampling.measurable import rows_of
from omentum.errors import GeometryError, InputError, OmentumError, warn_of_case
from omentum.fingerprint import slice_hashes
from omentum.io.images import read_image
from omentum.io.labels import read_labels
from omentum.io.truth import assisted_in, read_case
from omentum.preprocess.grid import nearest_on_model_grid
from omentum.preprocess.prepare import on_model_grid
from omentum.preprocess.upright import labels_upright, upright
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec
from omentum.volume import PADDING_HU, Volume


def load_folder(
    folder: Path, classes: Sequence[str], spec: PreprocessSpec, progress: Callable[[int, int], None] | None = None
) -> tuple[LabelledCase, ...]:
    """Load every case folder (with a case.json) below a folder, by name.

    Args:
        folder: Written by `omentum phantom`.
        classes: Class keys of the model.
        spec: The model grid.
        progress: Called with the number of finished cases and the total.

    Raises:
        InputError: There is no usable case.
    """
    found = sorted(path.parent for path in folder.glob("*/case.json"))
    cases = []
    for number, place in enumerate(found):
        if progress:
            progress(number, len(found))
        try:
            ct, truth, facts = read_case(place)
            case = _on_grid(place.name, ct, truth, classes, spec)
            assisted = rows_of(assisted_in(facts), classes)
            cases.append(replace(case, patient=str(facts.get("patient", "")), assisted=assisted))
        except OmentumError as fault:
            warn_of_case(f"left out of training: {fault}", stacklevel=2)
    if not cases:
        raise InputError(
            "no usable cases", source=folder, remedy="it should hold case folders as `omentum phantom` writes them"
        )
    return tuple(cases)


def load_pair(
    image: Path, labels: Path, mapping: Mapping[int, Sequence[str] | str], classes: Sequence[str], spec: PreprocessSpec
) -> LabelledCase:
    """Load a CT and a user-defined label map; only the mapped structures count as annotated.

    Raises:
        InputError: A file cannot be used.
        GeometryError: CT and label map lie on different grids.
    """
    ct, truth = read_image(image), read_labels(labels, mapping)
    if not ct.grid.same_as(truth.grid):
        raise GeometryError(f"is not on the grid of {image}", source=labels)
    return _on_grid(image.parent.name, ct, truth, classes, spec)


def _on_grid(name: str, ct: Volume, truth: Segmentation, classes: Sequence[str], spec: PreprocessSpec) -> LabelledCase:
    hu = on_model_grid(upright(replace(ct, voxels=np.nan_to_num(ct.voxels, nan=PADDING_HU)), spec), spec)
    bits = np.ascontiguousarray(nearest_on_model_grid(*labels_upright(truth.bits, truth.grid, spec), spec))
    moved = Segmentation(bits, hu.affine, truth.classes, truth.annotated)
    # Seeded by name: a case has the same sampled voxels in every run.
    case = labelled_case(name, hu, moved, classes, np.random.default_rng(list(name.encode())))
    return replace(case, hashes=slice_hashes(ct))
