"""The file of all masks wherever a segmentation is read: evaluated, compared, and told where a label map has less."""

import csv
import json

import numpy as np
import pytest
from ellipsoids import Ellipsoid
from seg_nrrd_files import seg_nrrd
from two_scans import field, scan

from omentum.cli import main
from omentum.io.nifti import write_labelmap
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.io.truth import write_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SHAPE = (20, 12, 10)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
PAINTED_OVER = "Pancreas 25%"


def block(start, stop):
    mask = np.zeros(SHAPE, bool)
    mask[start:stop, 3:9, 2:8] = True
    return mask


def overlapping():
    """A quarter of the pancreas lies under the portal vein."""
    masks = {"pancreas": block(2, 10), "portal_splenic_vein": block(8, 14), "spleen": np.zeros(SHAPE, bool)}
    return Segmentation.from_masks(masks, AFFINE)


def write_result(folder, seg, *, masks=True):
    write_labelmap(folder / "segmentation.nii.gz", seg)
    if masks:
        write_seg_nrrd(folder / "segmentation.seg.nrrd", seg)
    return folder


def write_truth(folder):
    write_case(folder, Volume(np.zeros(SHAPE, np.int16), AFFINE), overlapping(), {})
    return folder


def evaluated(pred, ref, tmp_path, *more):
    scores = tmp_path / "scores.json"
    assert main(["evaluate", str(pred), str(ref), "--json-file", str(scores), *more]) == 0
    return json.loads(scores.read_text())["cases"]


def dice(case):
    return {key: score["dice"] for key, score in case["structures"].items()}


def test_a_folder_s_masks_are_evaluated_and_not_its_label_map(tmp_path, capsys):
    write_result(tmp_path / "out", overlapping())
    (case,) = evaluated(tmp_path / "out", write_truth(tmp_path / "truth"), tmp_path)
    assert dice(case)["pancreas"] == dice(case)["portal_splenic_vein"] == 1.0
    assert case["structures"]["spleen"]["status"] == "true_negative"
    assert case["hidden"] == {}
    assert "one number a voxel" not in capsys.readouterr().out


@pytest.mark.parametrize("named", ["out", "out/segmentation.nii.gz"])
def test_of_a_label_map_alone_it_is_told_what_it_costs(named, tmp_path, capsys):
    write_result(tmp_path / "out", overlapping(), masks=named != "out")
    (case,) = evaluated(tmp_path / named, write_truth(tmp_path / "truth"), tmp_path)
    assert dice(case)["pancreas"] == pytest.approx(2 * 0.75 / 1.75)
    assert case["hidden"] == pytest.approx({"pancreas": 0.25})
    shown = capsys.readouterr().out
    assert "are label maps, one number a voxel" in shown
    assert PAINTED_OVER in shown


def test_the_page_tells_it_too(tmp_path):
    write_result(tmp_path / "out", overlapping(), masks=False)
    evaluated(tmp_path / "out", write_truth(tmp_path / "truth"), tmp_path, "--html", str(tmp_path / "page.html"))
    assert PAINTED_OVER in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("ref", ["refs/a", "refs/a/segmentation.seg.nrrd", "b.seg.nrrd"])
def test_masks_are_a_reference(ref, tmp_path):
    write_result(tmp_path / "refs" / "a", overlapping())
    write_seg_nrrd(tmp_path / "b.seg.nrrd", overlapping())
    write_result(tmp_path / "out", overlapping())
    (case,) = evaluated(tmp_path / "out", tmp_path / ref, tmp_path)
    assert set(dice(case)) == {"pancreas", "portal_splenic_vein", "spleen"}
    assert dice(case)["pancreas"] == 1.0


def test_a_reference_that_is_a_label_map_is_told_of(tmp_path, capsys):
    write_result(tmp_path / "out", overlapping())
    write_labelmap(tmp_path / "truth.nii.gz", overlapping())
    (case,) = evaluated(tmp_path / "out", tmp_path / "truth.nii.gz", tmp_path)
    assert case["hidden"] == pytest.approx({"pancreas": 0.25})
    assert PAINTED_OVER in capsys.readouterr().out


def test_two_label_maps_are_painted_alike(tmp_path, capsys):
    write_result(tmp_path / "out", overlapping(), masks=False)
    write_labelmap(tmp_path / "truth.nii.gz", overlapping())
    (case,) = evaluated(tmp_path / "out", tmp_path / "truth.nii.gz", tmp_path)
    assert dice(case)["pancreas"] == 1.0
    assert case["hidden"] == {}
    assert "one number a voxel" not in capsys.readouterr().out


def test_folders_of_any_of_them_go_together_by_name(tmp_path, capsys):
    preds, refs = tmp_path / "preds", tmp_path / "refs"
    write_result(preds / "a", overlapping())
    write_seg_nrrd(preds / "b.seg.nrrd", overlapping())
    write_labelmap(preds / "b.nii.gz", overlapping())
    write_labelmap(preds / "c.nii.gz", overlapping())
    write_seg_nrrd(refs / "a.seg.nrrd", overlapping())
    write_result(refs / "b", overlapping())
    write_truth(refs / "c")
    cases = evaluated(preds, refs, tmp_path)
    assert {case["case"]: dice(case)["pancreas"] for case in cases} == pytest.approx(
        {"a": 1.0, "b": 1.0, "c": 2 * 0.75 / 1.75}
    )
    printed = capsys.readouterr()
    assert PAINTED_OVER in printed.out
    assert printed.err == ""


def test_what_slicer_saves_is_evaluated_by_its_names(tmp_path, capsys):
    seg = overlapping()
    voxels = np.stack([seg.mask("pancreas"), seg.mask("portal_splenic_vein")]).astype(np.uint8)
    voxels[1, 0, 0, 0] = 2
    segments = [("Segment_1", "Pancreas", 0, 1), ("Segment_2", "portal vein and splenic vein", 1, 1)]
    segments += [("Segment_3", "bone", 1, 2)]
    said = {"space directions": "none (-3,0,0) (0,-3,0) (0,0,3)", "space origin": "(0,0,0)"}
    path = seg_nrrd(tmp_path, voxels, segments, **said)
    (case,) = evaluated(path, write_truth(tmp_path / "truth"), tmp_path)
    assert dice(case)["pancreas"] == dice(case)["portal_splenic_vein"] == 1.0
    assert "nothing of ours, left out: 'bone'" in capsys.readouterr().err


def test_a_mapping_of_numbers_is_about_the_label_map(tmp_path):
    write_result(tmp_path / "out", overlapping())
    (tmp_path / "mine.json").write_text('{"11": "pancreas", "10": "portal_splenic_vein", "1": "spleen"}')
    mapping = ("--pred-mapping", str(tmp_path / "mine.json"))
    (case,) = evaluated(tmp_path / "out", write_truth(tmp_path / "truth"), tmp_path, *mapping)
    assert case["hidden"] == pytest.approx({"pancreas": 0.25})
    write_seg_nrrd(tmp_path / "alone.seg.nrrd", overlapping())
    (case,) = evaluated(tmp_path / "alone.seg.nrrd", tmp_path / "truth", tmp_path, *mapping)
    assert dice(case)["pancreas"] == 1.0


@pytest.mark.parametrize("part", ["pred", "ref", "mapped"])
def test_what_cannot_be_read_is_one_line_and_exit_code_2(part, tmp_path, capsys):
    write_result(tmp_path / "out", overlapping())
    bad = tmp_path / "bad.seg.nrrd"
    bad.write_bytes((tmp_path / "out" / "segmentation.seg.nrrd").read_bytes()[:-20])
    good = tmp_path / "out" / "segmentation.seg.nrrd"
    arguments = {"pred": [bad, good], "ref": [good, bad], "mapped": [good, good, "--mapping", "btcv"]}[part]
    assert main(["evaluate", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert ("needs no --mapping" in error) == (part == "mapped")


def test_lesions_are_compared_by_their_masks(tmp_path):
    """A tumour of the liver that one of the pancreas grows around: a label map shows the latter alone."""
    folders = [tmp_path / name for name in ("before", "after")]
    centre = (-5, 15, -10)
    for folder, radius in zip(folders, (6, 8), strict=True):
        tumours = {
            "liver_tumour": [Ellipsoid(centre, (radius,) * 3)],
            "pancreas_tumour": [Ellipsoid(centre, (12,) * 3)],
        }
        write_result(folder, scan(tumours, field((2.5, 2.5, 3.0))))
    for places, expected in (
        (folders, {"liver_tumour", "pancreas_tumour"}),
        ([folder / "segmentation.nii.gz" for folder in folders], {"pancreas_tumour"}),
    ):
        changes = tmp_path / "changes.csv"
        assert main(["lesions", "compare", *map(str, places), "--csv", str(changes), "--quiet"]) == 0
        assert {row["key"] for row in csv.DictReader(changes.read_text().splitlines())} == expected


def test_lesions_of_segments_that_are_no_lesions_are_refused(tmp_path, capsys):
    write_result(tmp_path / "out", overlapping())
    assert main(["lesions", "compare", str(tmp_path / "out"), str(tmp_path / "out")]) == 2
    assert "was not asked for any lesion" in capsys.readouterr().err
    path = seg_nrrd(tmp_path, np.ones((4, 5, 6), np.uint8), [("a", "bone", 0, 1)])
    assert main(["lesions", "compare", str(path), str(path)]) == 2
    assert "has no segment that is a structure of ours: 'bone' (call them" in capsys.readouterr().err
