"""A raw case of one body in every layout of files, the recipe that describes it, and what each layout must give."""

from pathlib import Path

import numpy as np
from sided_body import LEFT_KIDNEY, RIGHT_KIDNEY, drawn, grid_around, hu_of

from omentum.data.datasets.raw_case import RawCase, find_cases
from omentum.data.datasets.recipe import FileLayout, Recipe, Target
from omentum.io.nifti import write_volume
from omentum.volume import Volume

LIVER = ((70, 20, 10), (60, 60, 50))
TUMOUR = ((80, 20, 10), (15, 15, 15))
GRID = grid_around()
VALUES = {
    1: Target(frozenset({"liver"})),
    2: Target(frozenset({"liver", "liver_tumour"})),
    4: Target(frozenset(), frozenset({"kidneys"})),
}
MASKS = {
    "liver": VALUES[1],
    "livertumor*": VALUES[2],
    "kidneys": VALUES[4],
    "rightkidney": Target(frozenset({"right_kidney"})),
    "spleen": Target(frozenset({"spleen"})),
}


def recipe(label_kind="map", image_kind="nifti", **changes):
    layout = FileLayout("{id}/ct*", image_kind, "{id}/labels*", label_kind)
    given = {
        "layout": (layout,),
        "values": VALUES if label_kind in ("map", "png_stack") else {},
        "masks": {} if label_kind in ("map", "png_stack") else MASKS,
        "ignored": frozenset({9, "bone"}),
        "annotated": frozenset({"liver", "liver_tumour", "right_kidney", "left_kidney"}),
        "rules": (),
        "patient": "toy-{id}",
    }
    facts = {"key": "toy", "title": "", "homepage": "", "licence": "", "citation": "", "cases": 0, "label_noise": ""}
    return Recipe(**{**facts, **given, **changes})


def the_case(recipe_, root) -> RawCase:
    (case,) = find_cases(recipe_, root).cases
    return case


def truth_of(grid):
    """Liver with tumour, both kidneys, as native numbers."""
    native = np.zeros(grid.shape, np.int16)
    native[drawn(grid, LIVER)] = 1
    native[drawn(grid, RIGHT_KIDNEY, LEFT_KIDNEY)] = 4
    native[drawn(grid, TUMOUR)] = 2
    return native


def native_masks(grid):
    native = truth_of(grid)
    return {"liver": (native == 1) | (native == 2), "livertumor01": native == 2, "kidneys": native == 4}


def write_pair(root: Path, grid=GRID, labels=None, label_affine=None, dtype=np.int16) -> None:
    (root / "7").mkdir(exist_ok=True)
    write_volume(root / "7" / "ct.nii.gz", Volume(hu_of(grid), grid.affine))
    labels = truth_of(grid) if labels is None else labels
    affine = grid.affine if label_affine is None else label_affine
    write_volume(root / "7" / "labels.nii.gz", Volume(labels.astype(dtype), affine))


def check(read, grid):
    """What every layout must give."""
    native = truth_of(grid)
    assert read.truth.grid.same_as(read.ct.grid)
    np.testing.assert_array_equal(read.truth.mask("liver"), (native == 1) | (native == 2))
    np.testing.assert_array_equal(read.truth.mask("liver_tumour"), native == 2)
    np.testing.assert_array_equal(read.truth.mask("right_kidney"), (native == 4) & drawn(grid, RIGHT_KIDNEY))
    np.testing.assert_array_equal(read.truth.mask("left_kidney"), (native == 4) & drawn(grid, LEFT_KIDNEY))
