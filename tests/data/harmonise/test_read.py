"""Raw cases of every layout, written small and read back onto the CT's own grid."""

from pathlib import Path

import numpy as np
import pytest
from dicom_files import write_stack
from PIL import Image
from sided_body import LEFT_KIDNEY, RIGHT_KIDNEY, drawn, grid_around, hu_of
from strategies import STORAGE_ORDERS

from omentum.axis_order import axis_order
from omentum.data.datasets.raw_case import RawCase, find_cases
from omentum.data.datasets.recipe import CaseRule, FileLayout, Recipe, Target
from omentum.data.harmonise.read import read_raw
from omentum.errors import GeometryError, InputError
from omentum.io.nifti import write_volume
from omentum.volume import Grid, Volume

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


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
def test_a_label_map(tmp_path, dtype):
    write_pair(tmp_path, dtype=dtype)
    read = read_raw(the_case(recipe(), tmp_path))
    check(read, GRID)
    assert read.notes == ()
    assert read.truth.annotated == recipe().annotated


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
def test_ct_and_label_map_in_another_format(suffix, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    write_pair(tmp_path)
    for file in [*(tmp_path / "7").iterdir()]:
        sitk.WriteImage(sitk.ReadImage(str(file)), str(file.with_name(file.name.replace(".nii.gz", suffix))))
        file.unlink()
    check(read_raw(the_case(recipe(), tmp_path)), GRID)


@pytest.mark.parametrize("order", STORAGE_ORDERS[::9], ids=str)
@pytest.mark.parametrize("tilt", [(0, 0, 0), (12, -7, 9)], ids=["upright", "oblique"])
def test_labels_stored_another_way_round_are_turned_exactly(tmp_path, order, tilt):
    grid = grid_around(*order, tilt, half_mm=(220, 160, 180))
    stored = axis_order(grid, "LAS")
    write_pair(tmp_path, grid, stored.view(truth_of(grid)), stored.grid(grid).affine)
    read = read_raw(the_case(recipe(), tmp_path))
    check(read, Grid(read.ct.shape, read.ct.affine))
    assert [n.kind for n in read.notes] == (["geometry"] if read.ct.orientation != "LAS" else [])


def test_a_slightly_different_header_gives_way_to_the_ct_s(tmp_path):
    affine = GRID.affine.copy()
    affine[:3, 3] += 1.5
    write_pair(tmp_path, label_affine=affine)
    read = read_raw(the_case(recipe(), tmp_path))
    check(read, GRID)
    (note,) = read.notes
    assert note.text == "the header of labels.nii.gz differs slightly from its CT's, which was used"


@pytest.mark.parametrize("change", ["shape", "shift", "spacing", "mirror"])
def test_labels_of_another_grid_are_refused(tmp_path, change):
    labels, affine = truth_of(GRID), GRID.affine.copy()
    if change == "shape":
        labels = labels[:-1]
    elif change == "shift":
        affine[:3, 3] += 9
    elif change == "spacing":
        affine[:3, :3] *= 1.1
    else:
        affine[0] *= -1
        affine[0, 3] += 40
    write_pair(tmp_path, labels=labels, label_affine=affine)
    with pytest.raises(GeometryError, match=r"labels.nii.gz: lies on another grid than its CT: .* never resampled"):
        read_raw(the_case(recipe(), tmp_path))


def test_pads_become_air_and_doubts_about_the_ct_become_notes(tmp_path):
    write_pair(tmp_path)
    hu = hu_of(GRID).astype(np.float32)
    hu[:3] = -3024
    hu[3, 3, 3] = np.nan
    write_volume(tmp_path / "7" / "ct.nii.gz", Volume(hu, GRID.affine))
    rule = CaseRule(("7",), suspect="spacing was made up")
    read = read_raw(the_case(recipe(rules=(rule,)), tmp_path))
    assert read.ct.voxels.min() == -1024
    assert [n.kind for n in read.notes] == ["suspect", "image", "image"]
    assert "1 voxels non-finite" in read.notes[1].text


def test_a_label_map_for_a_ct_is_refused(tmp_path):
    write_pair(tmp_path)
    write_volume(tmp_path / "7" / "ct.nii.gz", Volume(truth_of(GRID), GRID.affine))
    with pytest.raises(InputError, match=r"ct.nii.gz: .* a label map, not HU"):
        read_raw(the_case(recipe(), tmp_path))
    noise = np.random.default_rng(0).integers(1, 3000, GRID.shape)
    write_pair(tmp_path, labels=noise)
    with pytest.raises(InputError, match=r"labels.nii.gz: holds .* values that the recipe does not know"):
        read_raw(the_case(recipe(), tmp_path))


def write_masks(root: Path, names: dict[str, np.ndarray], grid=GRID) -> None:
    (root / "7" / "labels").mkdir(parents=True)
    write_volume(root / "7" / "ct.nii.gz", Volume(hu_of(grid), grid.affine))
    for name, mask in names.items():
        write_volume(root / "7" / "labels" / f"{name}.nii.gz", Volume(mask.astype(np.uint8), grid.affine))


def native_masks(grid):
    native = truth_of(grid)
    return {"liver": (native == 1) | (native == 2), "livertumor01": native == 2, "kidneys": native == 4}


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


@pytest.mark.parametrize("value", [255, -1, -1024])
def test_what_nobody_annotated_may_be_anything_that_it_touches_or_that_is_nowhere(tmp_path, value):
    """A spleen that lies in what was left out is neither absent nor part of the background."""
    native = truth_of(GRID)
    native[:3, :3, :3] = value
    hiding = {**VALUES, value: Target(frozenset(), unknown="what nobody annotated", hides=True)}
    write_pair(tmp_path, labels=native)
    known = read_raw(the_case(recipe(values=hiding, annotated=recipe().annotated | {"spleen"}), tmp_path))
    assert known.truth.annotated == recipe().annotated
    assert ["may be spleen: not annotated" in note.text for note in known.notes] == [True]
    touching = native.copy()
    touching[drawn(GRID, TUMOUR)] = value
    write_pair(tmp_path, labels=touching)
    assert "liver" not in read_raw(the_case(recipe(values=hiding), tmp_path)).truth.annotated
    write_pair(tmp_path)
    assert read_raw(the_case(recipe(values=hiding), tmp_path)).truth.annotated == recipe().annotated


def test_a_value_below_zero_that_is_not_known_is_named(tmp_path):
    native = truth_of(GRID)
    native[drawn(GRID, TUMOUR)] = -1
    write_pair(tmp_path, labels=native)
    note, lost = read_raw(the_case(recipe(), tmp_path)).notes
    assert note.kind == "stray inside"
    assert lost.text == "unknown values may be liver_tumour: not annotated in this case"
    assert "-1 (" in note.text


def test_images_with_an_offset_are_refused_with_a_remedy_that_exists_and_read_with_it(tmp_path):
    write_pair(tmp_path)
    plain = read_raw(the_case(recipe(), tmp_path)).ct
    moved = Volume((hu_of(GRID).clip(-1024) + 1024).astype(np.int16), GRID.affine)
    write_volume(tmp_path / "7" / "ct.nii.gz", moved)
    with pytest.raises(InputError, match=r"HU offset missing.*hu_offset = -1024 in the recipe") as fault:
        read_raw(the_case(recipe(), tmp_path))
    assert "--force" not in str(fault.value)
    np.testing.assert_array_equal(read_raw(the_case(recipe(hu_offset=-1024), tmp_path)).ct.voxels, plain.voxels)
