"""A CT and a label map of one raw case, written small and read back onto the CT's own grid."""

import numpy as np
import pytest
from raw_layouts import GRID, TUMOUR, VALUES, check, recipe, the_case, truth_of, write_pair
from sided_body import drawn, hu_of

from omentum.data.datasets.recipe import CaseRule, Target
from omentum.data.harmonise.read import read_raw
from omentum.errors import InputError
from omentum.io.nifti import write_volume
from omentum.volume import Volume


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
