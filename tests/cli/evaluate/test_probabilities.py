"""ROC and FROC of the command: from probability maps, else from lesion lists; thresholds as CSV, curves on the page."""

from __future__ import annotations

import csv
import json

import nibabel as nib
import numpy as np
import pytest
from evaluated_files import AFFINE, CT, NOTHING, SHAPE, block, run
from raw_cases import read_toy, write_toys

from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.io.nifti import write_labelmap
from omentum.io.truth import read_truth, write_case
from omentum.measure import lesions_csv
from omentum.measure.lesions import find_lesions
from omentum.segmentation import Segmentation


def write_map(path, steps, affine=AFFINE, dtype=np.uint8, of=255):
    """A probability map as `omentum segment --probabilities` writes it: whole steps, and the slope to 0..1."""
    image = nib.Nifti1Image(steps.astype(dtype), affine)
    image.header["scl_slope"], image.header["scl_inter"] = 1 / of, 0
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)


def write_cases(folder, *, maps=True, flip=False):
    """Two patients with a tumour, found at 0.9 and at 0.3 (below the half of the mask); one without, seen at 0.4."""
    for name, tumour, likely in (("a", block(4, 4), 0.9), ("b", block(4, 4), 0.3), ("c", NOTHING, 0.4)):
        write_case(folder / "truths" / name, CT, Segmentation.from_masks({"liver_tumour": tumour}, AFFINE), {})
        steps = np.where(block(4, 4), round(255 * likely), 0)
        seg = Segmentation.from_masks({"liver_tumour": steps >= 128}, AFFINE)
        out = folder / "outs" / name
        write_labelmap(out / "segmentation.nii.gz", seg)
        if maps:
            turned = AFFINE.copy()
            turned[0] = [-3, 0, 0, 3 * (SHAPE[0] - 1)]
            write_map(out / "probabilities" / "liver_tumour.nii.gz", *((steps[::-1], turned) if flip else (steps,)))
        lesions = find_lesions(None, seg, steps.astype(np.uint8))
        (out / "lesions.csv").write_text(lesions_csv({name: lesions}), newline="")


def curves(path):
    return json.loads(path.read_text())["summary"]["curves"]["liver_tumour"]


@pytest.mark.parametrize("flip", [False, True])
def test_from_probability_maps_in_any_storage_order(tmp_path, capsys, flip):
    write_cases(tmp_path, flip=flip)
    files = ("--json-file", tmp_path / "s.json", "--operating-points", tmp_path / "op.csv", "--csv", tmp_path / "s.csv")
    assert run(tmp_path / "outs", tmp_path / "truths", *files) == 0
    found = curves(tmp_path / "s.json")
    assert found["source"] == "probability maps"
    assert found["roc"]["auc"] == 0.5
    assert [p["threshold"] for p in found["froc"]["points"]] == [0.9] * 2 + [0.3] * 5
    rows = list(csv.DictReader((tmp_path / "op.csv").read_text().splitlines()))
    assert [(r["allowed_false_positives_per_scan"], r["threshold"], r["sensitivity"]) for r in rows[1:3]] == [
        ("0.25", "0.9", "0.5"),
        ("0.5", "0.3", "1.0"),
    ]
    assert (rows[2]["sensitivity 10-20 mm"], rows[2]["lesions"], rows[2]["scans"]) == ("1.0", "2", "3")
    assert rows[2]["source"] == "probability maps"
    cases = {r["case"]: r for r in csv.DictReader((tmp_path / "s.csv").read_text().splitlines())}
    assert [round(float(cases[c]["highest_probability"]), 1) for c in "abc"] == [0.9, 0.3, 0.4]
    printed = capsys.readouterr().out
    assert "probability maps" in printed
    assert "From lesion lists" not in printed


def test_lesions_below_the_smallest_volume_of_the_manifest_do_not_count(tmp_path):
    write_cases(tmp_path)
    options = {"classes": ["liver_tumour"], "minimum_ml": {"liver_tumour": 1e3}}
    for name in "abc":
        (tmp_path / "outs" / name / "manifest.json").write_text(json.dumps({"options": options}))
    assert run(tmp_path / "outs", tmp_path / "truths", "--json-file", tmp_path / "s.json") == 0
    froc = curves(tmp_path / "s.json")["froc"]
    assert set(froc["sensitivity"]) == set(froc["false_positives_per_scan"]) == {0.0}


def test_without_a_lesion_in_the_references_no_threshold_is_advised(tmp_path, capsys):
    write_cases(tmp_path)
    for name in ("a", "b"):
        write_case(tmp_path / "truths" / name, CT, Segmentation.from_masks({"liver_tumour": NOTHING}, AFFINE), {})
    files = ("--json-file", tmp_path / "s.json", "--operating-points", tmp_path / "op.csv")
    assert run(tmp_path / "outs", tmp_path / "truths", *files) == 0
    rows = list(csv.DictReader((tmp_path / "op.csv").read_text().splitlines()))
    assert len(rows) == 7
    assert {(r["threshold"], r["false_positives_per_scan"], r["sensitivity"], r["lesions"]) for r in rows} == {
        ("", "", "", "0")
    }
    assert {p["threshold"] for p in curves(tmp_path / "s.json")["froc"]["points"]} == {None}
    printed = capsys.readouterr().out
    assert "no lesion in the references, so neither sensitivity nor threshold: Liver tumour" in printed


def test_from_lesion_lists_which_end_at_their_threshold(tmp_path, capsys):
    write_cases(tmp_path, maps=False)
    assert run(tmp_path / "outs", tmp_path / "truths", "--json-file", tmp_path / "s.json") == 0
    found = curves(tmp_path / "s.json")
    assert found["source"] == "lesion lists"
    # What is below a half was never a lesion, and nothing is said of it.
    assert (found["roc"]["auc"], found["froc"]["points"][-1]["sensitivity"]) == (0.75, 0.5)
    assert "From lesion lists" in capsys.readouterr().out


def test_a_lesion_gets_the_probability_of_its_own_line(tmp_path):
    ours = Segmentation.from_masks({"liver_tumour": block(2, 4) | block(20, 6)}, AFFINE)
    write_case(tmp_path / "truth", CT, Segmentation.from_masks({"liver_tumour": block(20, 6)}, AFFINE), {})
    write_labelmap(tmp_path / "out" / "segmentation.nii.gz", ours)
    steps = np.where(block(2, 4), 204, np.where(block(20, 6), 153, 0)).astype(np.uint8)
    (tmp_path / "out" / "lesions.csv").write_text(lesions_csv({"out": find_lesions(None, ours, steps)}), newline="")
    assert run(tmp_path / "out", tmp_path / "truth", "--json-file", tmp_path / "s.json", "--quiet") == 0
    found = curves(tmp_path / "s.json")
    points = zip(found["froc"]["sensitivity"], found["froc"]["false_positives_per_scan"], strict=True)
    at = dict(zip(found["thresholds"], points, strict=True))
    assert (at[0.6], at[0.65], at[0.8], at[0.85]) == ((1.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.0, 0.0))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda out: write_map(out / "probabilities" / "liver_tumour.nii.gz", np.full(SHAPE, 9), of=1), "holds 9 to 9"),
        (lambda out: write_map(out / "probabilities" / "liver_tumour.nii.gz", np.zeros((3, 3, 3))), "different grids"),
        (lambda out: (out / "probabilities" / "liver_tumour.nii.gz").write_bytes(b"no"), "is not a NIfTI file"),
    ],
)
def test_a_map_that_cannot_be_used_is_told_and_its_case_in_no_curve(tmp_path, capsys, spoil, message):
    write_cases(tmp_path)
    spoil(tmp_path / "outs" / "b")
    assert run(tmp_path / "outs", tmp_path / "truths", "--json-file", tmp_path / "s.json") == 0
    told = capsys.readouterr()
    assert "warning: no ROC and FROC of liver_tumour from this case" in told.err
    assert message in told.err
    assert "without probabilities, in no curve: Liver tumour 1 of 3 cases" in told.out
    assert (curves(tmp_path / "s.json")["cases"], curves(tmp_path / "s.json")["without"]) == (2, 1)


def test_a_list_of_another_segmentation_is_not_believed(tmp_path, capsys):
    write_cases(tmp_path, maps=False)
    head = (tmp_path / "outs" / "a" / "lesions.csv").read_text().splitlines()[0]
    (tmp_path / "outs" / "a" / "lesions.csv").write_text(head + "\n")
    assert run(tmp_path / "outs", tmp_path / "truths") == 0
    assert "lesions.csv: does not list every liver_tumour" in capsys.readouterr().err
    (tmp_path / "outs" / "a" / "lesions.csv").write_text("case\na\n")
    assert run(tmp_path / "outs", tmp_path / "truths") == 0
    assert "lesions.csv: has no probabilities of lesions" in capsys.readouterr().err


def test_the_page_draws_both_curves(tmp_path):
    write_cases(tmp_path)
    assert run(tmp_path / "outs", tmp_path / "truths", "--html", tmp_path / "s.html", "--quiet") == 0
    page = (tmp_path / "s.html").read_text()
    assert "Lesion detection over all thresholds" in page
    assert 'alt="ROC by patient and FROC by lesion, one mark a threshold"' in page
    assert "<td>0.30</td>" in page
    assert "nan" not in page.split("base64")[0].lower()


def test_maps_are_taken_to_the_grid_of_a_store(tmp_path):
    options = StoreOptions(spacing_mm=(2.0, 2.0, 4.0), samples=10, margin_mm=0)
    prepare(write_toys(tmp_path / "raw", 1), tmp_path / "store", options, read=read_toy)
    truth, _ = read_truth(tmp_path / "raw" / "0")
    write_labelmap(tmp_path / "out" / "toy_0" / "segmentation.nii.gz", truth)
    steps = truth.mask("liver_tumour") * 204
    write_map(tmp_path / "out" / "toy_0" / "probabilities" / "liver_tumour.nii.gz", steps, truth.affine)
    assert run(tmp_path / "out", tmp_path / "store", "--json-file", tmp_path / "s.json", "--quiet") == 0
    points = curves(tmp_path / "s.json")["froc"]["points"]
    assert {(p["threshold"], p["false_positives_per_scan"], p["sensitivity"]) for p in points} == {(0.8, 0.0, 1.0)}
