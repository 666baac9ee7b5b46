"""Labels as `.seg.nrrd`: segments by the recipe's words, overlapping, on the CT's grid, empty ones looked for."""

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from asymmetric_series import LAYOUTS, masks_of, points_mm, series_of
from seg_nrrd_files import seg_nrrd

from omentum.cli import main
from omentum.data.datasets.raw_case import find_cases
from omentum.data.datasets.recipe import FileLayout, Recipe, Target
from omentum.data.harmonise.read import read_raw
from omentum.errors import GeometryError, InputError
from omentum.io.dicom_out.objects import ObjectSet
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import source_series
from omentum.io.nifti import write_volume
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SHAPE = (24, 20, 16)
AFFINE = np.diag([-3.0, 3.0, 4.0, 1.0])
MASKS = {
    "pancreas": Target(frozenset({"pancreas"})),
    "portal*": Target(frozenset({"portal_splenic_vein"})),
    "Milz": Target(frozenset({"spleen"})),
    "liver": Target(frozenset({"liver"})),
}


def recipe(**changes):
    given = {
        "layout": (FileLayout("{id}/ct*", "nifti", "{id}/*.seg.nrrd", "segments"),),
        "values": {},
        "masks": MASKS,
        "ignored": frozenset({"bone"}),
        "annotated": frozenset({"pancreas", "portal_splenic_vein", "spleen", "liver"}),
        "rules": (),
        "patient": "toy-{id}",
    }
    facts = {"key": "toy", "title": "", "homepage": "", "licence": "", "citation": "", "cases": 0, "label_noise": ""}
    return Recipe(**{**facts, **given, **changes})


def block(start, stop):
    mask = np.zeros(SHAPE, bool)
    mask[start:stop, 3:12, 2:9] = True
    return mask


def put_ct(root):
    (root / "7").mkdir()
    hu = np.random.default_rng(0).normal(40, 20, SHAPE).astype(np.int16)
    hu[:, :2] = -1000
    write_volume(root / "7" / "ct.nii.gz", Volume(hu, AFFINE))


def read(root, recipe_=None):
    (case,) = find_cases(recipe_ or recipe(), root).cases
    return read_raw(case)


def ours():
    masks = {"pancreas": block(2, 10), "portal_splenic_vein": block(8, 14), "spleen": np.zeros(SHAPE, bool)}
    return Segmentation.from_masks(masks, AFFINE)


def test_our_own_file_gives_every_mask(tmp_path):
    put_ct(tmp_path)
    write_seg_nrrd(tmp_path / "7" / "segmentation.seg.nrrd", ours())
    words = {key: Target(frozenset({key})) for key in ours().classes}
    made = read(tmp_path, recipe(masks=words, annotated=frozenset(words)))
    assert made.truth.annotated == set(words)  # the spleen was looked for, and is not there
    for key in words:
        np.testing.assert_array_equal(made.truth.mask(key), ours().mask(key))


def test_a_renamed_segment_is_what_its_name_says(tmp_path):
    put_ct(tmp_path)
    labels = np.zeros(SHAPE, np.uint8)
    labels[block(2, 10)], labels[block(12, 14)] = 1, 2
    said = {"space directions": "(3,0,0) (0,-3,0) (0,0,4)", "space origin": "(0,0,0)"}
    seg_nrrd(tmp_path / "7", labels, [("liver", "Milz", 0, 1), ("pancreas", "Pancreas", 0, 2)], **said)
    assert read(tmp_path).truth.annotated == {"spleen", "pancreas"}
    seg_nrrd(tmp_path / "7", labels, [("liver", "gut", 0, 1), ("pancreas", "Pancreas", 0, 2)], **said)
    with pytest.raises(InputError, match=r"'gut' \(was 'liver'\)"):
        read(tmp_path)
    seg_nrrd(tmp_path / "7", labels, [("liver", "Bone", 0, 1), ("pancreas", "Pancreas", 0, 2)], **said)
    assert read(tmp_path).truth.annotated == {"pancreas"}  # the recipe ignores bones


def test_what_has_no_segment_was_not_drawn_and_what_is_strange_is_noted(tmp_path):
    put_ct(tmp_path)
    labels = np.zeros(SHAPE, np.uint8)
    labels[block(2, 10)], labels[block(12, 14)], labels[block(16, 18)] = 1, 2, 3
    segments = [("Segment_1", "Pancreas", 0, 1), ("Segment_2", "Milz", 0, 2), ("x", "Bone", 0, 3), ("y", "gut", 0, 4)]
    turned = labels[:, ::-1]
    said = {"space directions": "(3,0,0) (0,3,0) (0,0,4)", "space origin": f"(0,{-3 * (SHAPE[1] - 1)},0)"}
    seg_nrrd(tmp_path / "7", turned, segments, **said)
    made = read(tmp_path)
    assert made.truth.annotated == {"pancreas", "spleen"}
    np.testing.assert_array_equal(made.truth.mask("pancreas"), labels == 1)
    np.testing.assert_array_equal(made.truth.mask("spleen"), labels == 2)
    texts = [note.text for note in made.notes]
    assert "segments that the recipe does not know: 'gut'" in texts
    assert any("no mask of liver, portal_splenic_vein: not annotated" in text for text in texts)
    assert sum("turned by its affine" in text for text in texts) == 1


def test_what_nobody_looked_for_is_not_annotated(tmp_path):
    put_ct(tmp_path)
    seg = Segmentation.from_masks({"pancreas": block(2, 10), "liver": block(12, 20)}, AFFINE, annotated=["pancreas"])
    write_seg_nrrd(tmp_path / "7" / "s.seg.nrrd", seg)
    assert read(tmp_path).truth.annotated == {"pancreas"}


def test_segments_that_no_recipe_knows_and_other_grids_are_refused(tmp_path):
    put_ct(tmp_path)
    path = seg_nrrd(tmp_path / "7", np.ones(SHAPE, np.uint8), [("a", "gut", 0, 1)])
    with pytest.raises(InputError, match="has no segment that the recipe knows: 'gut'") as fault:
        read(tmp_path)
    assert fault.value.source == path
    seg_nrrd(tmp_path / "7", np.ones(SHAPE, np.uint8), [("a", "liver", 0, 1)])
    with pytest.raises(GeometryError, match="another grid than its CT"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("layout", "labels"), [("axial, feet first", "rs"), ("decubitus", "seg"), ("oblique", "seg"), ("oblique", "rs")]
)
def test_dicom_masks_are_prepared_where_their_series_has_them(tmp_path, layout, labels):
    ct = series_of(tmp_path / "7" / "ct", *LAYOUTS[layout])
    air = pydicom.dcmread(tmp_path / "7" / "ct" / "0")
    air.PixelData = bytes(len(air.PixelData))
    air.save_as(tmp_path / "7" / "ct" / "0")
    masks = masks_of(ct)
    objects = ObjectSet(tmp_path / "7", masks, source_series(ct.header, ct.grid), Producer("1"))
    objects.write_segmentation("seg.dcm")
    objects.write_structure_set("rs.dcm")
    written = FileLayout("{id}/ct", "dicom", f"{{id}}/{labels}.dcm", "segments")
    sought = ("liver", "liver_tumour", "spleen")
    targets = {"liver?tumour": Target(frozenset({"liver_tumour"}))}
    targets |= {key: Target(frozenset({key})) for key in ("liver", "spleen")}
    (case,) = find_cases(recipe(layout=(written,), masks=targets, annotated=frozenset(sought)), tmp_path).cases
    whole = {"liver": masks.mask("liver") | masks.mask("liver_tumour")}  # an organ includes its lesions
    expected = {key: whole.get(key, masks.mask(key)) for key in sought}
    assert points_mm(read_raw(case).truth) == points_mm(Segmentation.from_masks(expected, masks.affine))


def test_a_recipe_in_toml_prepares_a_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()
    put_ct(Path("raw"))
    write_seg_nrrd("raw/7/segmentation.seg.nrrd", ours())
    Path("raw/recipe.toml").write_text(
        '[layout]\nimage = "{id}/ct.nii.gz"\nlabels = "{id}/segmentation.seg.nrrd"\nlabel_kind = "segments"\n'
        '[masks]\npancreas = "pancreas"\nportal_splenic_vein = "portal_splenic_vein"\nspleen = "spleen"\n'
    )
    assert main(["data", "prepare", "--dataset", "raw/recipe.toml=raw", "-o", "store", "--quiet"]) == 0
    (case,) = Path("store/cases").iterdir()
    stored = json.loads((case / "case.json").read_text())
    assert sorted(stored["annotated"]) == ["pancreas", "portal_splenic_vein", "spleen"]
