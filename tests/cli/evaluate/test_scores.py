"""Results against their references: scores of one case and of a folder, grids, distances, patients."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from evaluated_files import AFFINE, CT, SHAPE, reference, run, scores_of, shifted, write_result
from shared_data import shared

from omentum.evaluate import load_mapping
from omentum.io.labels import read_labels
from omentum.io.truth import write_case
from omentum.segmentation import Segmentation


@pytest.mark.parametrize("name", ["out", "out/segmentation.nii.gz"])
def test_a_result_against_its_truth_folder(case, capsys, name):
    assert run(case / name, case / "truth", "--json-file", case / "s.json", "--csv", case / "s.csv") == 0
    shown = capsys.readouterr().out
    assert "0 of 1" in shown
    assert "mean Dice over 2 of 2 annotated organs and vessels: 0.750" in shown
    assert "false negative" in shown
    structures = scores_of(case / "s.json")
    assert structures["liver"]["dice"] == 1.0
    assert structures["spleen"]["dice"] == 0.5
    rows = {row["structure"]: row for row in csv.DictReader((case / "s.csv").read_text().splitlines())}
    assert (rows["liver_tumour"]["status"], rows["liver_tumour"]["lesion_false_negatives"]) == ("false_negative", "1")
    assert rows["spleen"]["lesion_false_negatives"] == ""


def test_the_truth_itself_as_a_label_map_is_perfect_because_lesions_belong_to_their_hosts(case):
    assert run(case / "truth" / "labels.nii.gz", case / "truth", "--json-file", case / "s.json") == 0
    assert {s["dice"] for s in scores_of(case / "s.json").values()} == {1.0}


def test_another_storage_order_is_aligned_exactly_and_another_grid_refused(case, capsys):
    turned = AFFINE.copy()
    turned[0, 0], turned[0, 3] = -3, 3 * (SHAPE[0] - 1)
    flipped = Segmentation(reference().bits[:, ::-1], turned, reference().classes)
    assert run(write_result(case / "flipped", flipped), case / "truth", "--json-file", case / "s.json") == 0
    assert scores_of(case / "s.json")["spleen"]["dice"] == 1.0
    elsewhere = Segmentation(reference().bits, AFFINE @ np.diag([1, 1, 2, 1]), reference().classes)
    assert run(write_result(case / "elsewhere", elsewhere), case / "truth") == 2
    message = capsys.readouterr().err
    assert "segmentation.nii.gz: prediction and reference lie on different grids" in message
    assert "never resamples" in message


def test_a_folder_of_cases_counts_the_one_without_a_result_as_missed(tmp_path, capsys):
    for name in ("a", "b", "c"):
        write_case(tmp_path / "truths" / name, CT, reference(), {})
    write_result(tmp_path / "outs" / "a", reference())
    write_result(tmp_path / "outs" / "b", shifted())
    assert run(tmp_path / "outs", tmp_path / "truths", "--json-file", tmp_path / "s.json") == 0
    assert "no prediction, counted as missed: c" in capsys.readouterr().out
    summary = json.loads((tmp_path / "s.json").read_text())["summary"]
    assert summary["structures"]["liver"]["dice"]["mean"] == pytest.approx(2 / 3)
    assert summary["structures"]["spleen"]["dice"]["mean"] == pytest.approx(1.5 / 3)
    assert summary["structures"]["liver_tumour"]["lesions"]["sensitivity"] == pytest.approx(1 / 3)


def test_cases_of_one_patient_belong_together_by_the_case_or_by_a_list(batch, capsys):
    run(batch / "outs", batch / "truths", "--json-file", batch / "s.json")
    assert json.loads((batch / "s.json").read_text())["summary"]["patients"] == 2
    (batch / "list.csv").write_text("case,patient\na,1\nb,2\nc,3\n")
    run(batch / "outs", batch / "truths", "--patients", batch / "list.csv", "--json-file", batch / "s.json")
    assert json.loads((batch / "s.json").read_text())["summary"]["patients"] == 3
    assert "3 cases of 3 patients" in capsys.readouterr().out


def test_surfaces_are_measured_unless_told_not_to(case):
    assert run(case / "out", case / "truth", "--json-file", case / "s.json", "--tolerance", "12") == 0
    spleen = scores_of(case / "s.json")["spleen"]
    assert (spleen["nsd"], spleen["hd95_mm"]) == (1.0, pytest.approx(12.0))
    assert run(case / "out", case / "truth", "--json-file", case / "s.json", "--no-distances") == 0
    assert scores_of(case / "s.json")["spleen"]["nsd"] is None


def test_quiet_prints_nothing(case, capsys):
    assert run(case / "out", case / "truth", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_real_labels_against_themselves(tmp_path):
    labels = shared("data", "abdomen_3mm", "totalsegmentator_labels.nii.gz")
    ours = write_result(tmp_path, read_labels(labels, load_mapping("totalsegmentator").labels))
    assert run(ours, labels, "--mapping", "totalsegmentator", "--json-file", tmp_path / "s.json") == 0
    scores = {k: s for k, s in scores_of(tmp_path / "s.json").items() if s["status"] == "evaluated"}
    assert {s["dice"] for s in scores.values()} == {1.0}
    assert scores["liver"]["reference_ml"] == pytest.approx(41692 * 0.027)
