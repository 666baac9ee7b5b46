"""A folder with one mask a structure: unknown, missing, empty and misplaced ones."""

from pathlib import Path

import numpy as np
import pytest
from raw_layouts import GRID, check, native_masks, recipe, the_case
from sided_body import hu_of

from omentum.data.harmonise.read import read_raw
from omentum.errors import GeometryError, InputError
from omentum.io.nifti import write_volume
from omentum.volume import Volume


def write_masks(root: Path, names: dict[str, np.ndarray], grid=GRID) -> None:
    (root / "7" / "labels").mkdir(parents=True)
    write_volume(root / "7" / "ct.nii.gz", Volume(hu_of(grid), grid.affine))
    for name, mask in names.items():
        write_volume(root / "7" / "labels" / f"{name}.nii.gz", Volume(mask.astype(np.uint8), grid.affine))


def test_a_folder_of_masks(tmp_path):
    masks = {**native_masks(GRID), "bone": np.ones(GRID.shape, bool), "whatever": np.ones(GRID.shape, bool)}
    write_masks(tmp_path, masks)
    (tmp_path / "7" / "labels" / "._liver.nii.gz").write_bytes(b"x")
    (tmp_path / "7" / "labels" / "spleen.nii.gz").write_bytes(b"")
    annotated = recipe().annotated | {"spleen"}
    read = read_raw(the_case(recipe("masks", annotated=annotated), tmp_path))
    check(read, GRID)
    assert read.truth.annotated == recipe().annotated
    assert [(n.kind, n.text) for n in read.notes] == [
        ("not annotated", "the mask spleen.nii.gz is an empty file; taken as not drawn"),
        ("stray", "masks that the recipe does not know: whatever"),
        ("not annotated", "no mask of spleen: not annotated in this case"),
    ]


def test_a_mask_that_is_not_there_was_not_drawn_and_an_empty_one_was(tmp_path):
    masks = native_masks(GRID)
    write_masks(tmp_path, {"liver": masks["liver"], "kidneys": masks["kidneys"] & False})
    read = read_raw(the_case(recipe("masks"), tmp_path))
    assert read.truth.annotated == {"liver", "right_kidney", "left_kidney"}
    assert read.truth.present() == {"liver"}


def test_a_mask_on_another_grid_names_its_file(tmp_path):
    write_masks(tmp_path, native_masks(GRID))
    write_volume(tmp_path / "7" / "labels" / "liver.nii.gz", Volume(np.zeros((9, 9, 9), np.uint8), GRID.affine))
    with pytest.raises(GeometryError, match=r"labels/liver.nii.gz: lies on another grid"):
        read_raw(the_case(recipe("masks"), tmp_path))


def test_no_mask_at_all(tmp_path):
    write_masks(tmp_path, {"bone": np.ones(GRID.shape)})
    with pytest.raises(InputError, match="labels: holds no mask that the recipe knows"):
        read_raw(the_case(recipe("masks"), tmp_path))
