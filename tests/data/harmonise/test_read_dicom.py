"""A CT as a DICOM series, its labels as series of masks or as pictures of each slice."""

from pathlib import Path

import numpy as np
import pytest
from dicom_files import write_stack
from PIL import Image
from raw_layouts import LIVER, VALUES, native_masks, recipe, the_case, truth_of
from sided_body import LEFT_KIDNEY, drawn, hu_of

from omentum.data.harmonise.read import read_raw
from omentum.errors import GeometryError, InputError
from omentum.volume import Grid

STACK = Grid((60, 50, 46), np.array([[-5.6, 0, 0, 165], [0, -5.0, 0, 125], [0, 0, 5.5, -125], [0, 0, 0, 1]]))
"""A small axial series, stored LPS as DICOM is."""


def write_dicom(folder: Path, voxels, **tags) -> None:
    tags.setdefault("PixelSpacing", [5.0, 5.6])
    tags.setdefault("SeriesInstanceUID", "1.2.3")
    paths = write_stack(folder, voxels, step_mm=5.5, **tags)
    assert len(paths) == voxels.shape[2]


def dicom_grid() -> Grid:
    """Where `write_stack` puts the voxels of STACK."""
    affine = STACK.affine.copy()
    affine[:3, 3] = 10, 20, 100
    return Grid(STACK.shape, affine)


@pytest.mark.parametrize("positions", [True, False])
def test_dicom_masks_named_as_each_case_pleases(tmp_path, positions):
    tags = {} if positions else {"ImagePositionPatient": None}
    write_dicom(tmp_path / "7" / "ct", hu_of(STACK))
    for name, mask in native_masks(STACK).items():
        write_dicom(tmp_path / "7" / "labels" / name, np.where(mask, 255, 0) - 1024, **tags)
    (tmp_path / "7" / "labels" / "readme.txt").write_text("hello")
    read = read_raw(the_case(recipe("dicom_masks", "dicom"), tmp_path))
    assert read.ct.grid.same_as(dicom_grid())
    native = truth_of(STACK)
    np.testing.assert_array_equal(read.truth.mask("liver_tumour"), native == 2)
    np.testing.assert_array_equal(read.truth.mask("liver"), (native == 1) | (native == 2))
    np.testing.assert_array_equal(read.truth.mask("left_kidney"), (native == 4) & drawn(STACK, LEFT_KIDNEY))
    assert len(read.notes) == (0 if positions else 3)


def test_a_dicom_case_without_lesion_masks_was_looked_at_and_has_none(tmp_path):
    write_dicom(tmp_path / "7" / "ct", hu_of(STACK))
    write_dicom(tmp_path / "7" / "labels" / "liver", np.where(native_masks(STACK)["liver"], 255, 0) - 1024)
    read = read_raw(the_case(recipe("dicom_masks", "dicom"), tmp_path))
    assert read.truth.annotated == {"liver", "liver_tumour"}
    assert read.notes[0].text == "no mask of left_kidney, right_kidney: not annotated in this case"


def write_pictures(root: Path, native, rows_turned=False) -> None:
    folder = root / "7" / "labels"
    folder.mkdir(parents=True)
    for n, k in enumerate(reversed(range(native.shape[2]))):
        picture = native[:, :, k].T[:: -1 if rows_turned else 1]
        Image.fromarray(np.ascontiguousarray(picture).astype(np.uint8)).save(folder / f"liver_GT_{n:03d}.png")


def picture_recipe(**changes):
    return recipe("png_stack", "dicom", values={255: VALUES[1]}, annotated=frozenset({"liver"}), **changes)


@pytest.mark.parametrize("rows_turned", [False, True])
def test_pictures_are_numbered_from_the_head_and_the_ct_says_which_way_up(tmp_path, rows_turned):
    high = ((70, 45, 60), (60, 40, 70))
    liver = drawn(STACK, high)
    # The abdomen is no mirror image of itself: turned round, these rows lie in a lung.
    hu = hu_of(STACK, [((70, -45, 60), (60, 40, 80))])
    write_dicom(tmp_path / "7" / "ct", hu)
    write_pictures(tmp_path, np.where(liver, 255, 0), rows_turned)
    read = read_raw(the_case(picture_recipe(), tmp_path))
    np.testing.assert_array_equal(read.truth.mask("liver"), liver)
    assert [n.kind for n in read.notes] == (["geometry"] if rows_turned else [])


def test_pictures_that_fit_neither_way_or_both_ways(tmp_path):
    write_dicom(tmp_path / "7" / "ct", hu_of(STACK))
    write_pictures(tmp_path, np.where(drawn(STACK, ((0, 0, 0), (60, 60, 90))), 255, 0))
    read = read_raw(the_case(picture_recipe(), tmp_path))
    assert [n.kind for n in read.notes if n.suspect] == ["orientation"]
    lung = tmp_path / "lung"
    write_dicom(lung / "7" / "ct", hu_of(STACK))
    write_pictures(lung, np.where(drawn(STACK, ((75, 0, 80), (50, 70, 60))), 255, 0))
    with pytest.raises(GeometryError, match=r"only .* of the labels lie in soft tissue"):
        read_raw(the_case(picture_recipe(), lung))


def test_pictures_must_match_the_ct_and_be_pictures(tmp_path):
    write_dicom(tmp_path / "7" / "ct", hu_of(STACK))
    write_pictures(tmp_path, np.where(drawn(STACK, LIVER), 255, 0))
    case = the_case(picture_recipe(), tmp_path)
    folder = tmp_path / "7" / "labels"
    last = folder / "liver_GT_045.png"
    last.unlink()
    with pytest.raises(GeometryError, match="labels: 60 x 50 x 45 pictures, its CT has 60 x 50 x 46"):
        read_raw(case)
    noise = np.random.default_rng(0).integers(0, 255, (50, 60)).astype(np.uint8)
    Image.fromarray(noise).save(last)
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"liver_GT_045.png: is a damaged picture"):
        read_raw(case)
    last.write_text("hello")
    with pytest.raises(InputError, match=r"liver_GT_045.png: is no PNG picture"):
        read_raw(case)
    Image.new("RGB", (60, 50)).save(last)
    with pytest.raises(InputError, match=r"liver_GT_045.png: is a coloured picture"):
        read_raw(case)
    last.rename(folder / "copy_044.png")
    with pytest.raises(InputError, match="two pictures have the number 44"):
        read_raw(case)
