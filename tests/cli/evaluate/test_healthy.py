"""Patients without a lesion: by a recipe, by a list, by labels of zeros."""

from __future__ import annotations

import json

from evaluated_files import CT, NOTHING, block, number_map, seg

from omentum.io.nifti import write_labelmap
from omentum.io.truth import write_case


def test_a_recipe_s_exceptions_and_its_healthy_patients_count_for_a_reference(tmp_path, told):
    """BTCV from 61 on has eight structures; Pancreas-CT has no pancreatic tumour; FLARE's lesions are of any organ."""
    write_labelmap(tmp_path / "ours.nii.gz", seg(spleen=block(2), aorta=block(18), pancreas_tumour=block(12, 4)))
    reference = number_map(tmp_path / "label0061.nii.gz", {1: block(2), 8: block(18)})
    structures, _, _ = told(tmp_path / "ours.nii.gz", reference, "--mapping", "btcv")
    assert (structures["spleen"]["dice"], structures["aorta"]["status"]) == (1.0, "not_annotated")
    reference = reference.rename(tmp_path / "label0001.nii.gz")
    assert told(tmp_path / "ours.nii.gz", reference, "--mapping", "btcv")[0]["aorta"]["dice"] == 1.0
    structures, _, _ = told(tmp_path / "ours.nii.gz", reference, "--mapping", "pancreas-ct")
    assert structures["pancreas_tumour"]["status"] == "false_positive"
    lesions = number_map(tmp_path / "FLARE23_0001.nii.gz", {3: block(2), 14: block(4, 4), 5: block(18)})
    structures, _, _ = told(tmp_path / "ours.nii.gz", lesions, "--mapping", "flare23")
    assert (structures["spleen"]["status"], structures["aorta"]["dice"]) == ("not_annotated", 1.0)


def test_a_list_of_healthy_cases(tmp_path, told):
    write_case(tmp_path / "truths" / "a", CT, seg(liver=block(18)), {})
    write_case(tmp_path / "truths" / "b", CT, seg(liver=block(18)), {})
    for name, tumour in (("a", block(20, 4)), ("b", NOTHING)):
        write_labelmap(tmp_path / "outs" / name / "segmentation.nii.gz", seg(liver=block(18), liver_tumour=tumour))
    (tmp_path / "healthy.csv").write_text(
        "case,structure\na,liver tumour\nb,liver tumor\nc,kidney cyst\nb,kidney cyst\n"
    )
    structures, _, printed = told(tmp_path / "outs", tmp_path / "truths", "--healthy", tmp_path / "healthy.csv")
    assert structures["liver_tumour"]["status"] == "false_positive"
    assert "healthy.csv: ignored, since no reference has the name: 'c'" in printed.err
    summary = json.loads((tmp_path / "scores.json").read_text())["summary"]["structures"]
    assert summary["liver_tumour"]["patients"]["specificity"] == 0.5
    assert summary["kidney_cyst"]["not_evaluated"] == {"not among the names in the prediction's file": 1}


def test_a_listed_healthy_case_with_a_tumour_keeps_it_and_is_told(tmp_path, told):
    write_case(tmp_path / "truth", CT, seg(liver=block(18), liver_tumour=block(20, 4)), {})
    write_labelmap(tmp_path / "ours.nii.gz", seg(liver=block(18), liver_tumour=NOTHING))
    (tmp_path / "healthy.csv").write_text("case,structure\nours,liver tumour\n")
    structures, _, printed = told(tmp_path / "ours.nii.gz", tmp_path / "truth", "--healthy", tmp_path / "healthy.csv")
    assert structures["liver_tumour"]["status"] == "false_negative"
    assert "ours: listed as without liver_tumour, but the reference has it; it counts" in printed.err


def test_zeros_are_a_patient_without_lesions(tmp_path, told):
    write_labelmap(tmp_path / "ours.nii.gz", seg(liver=block(18), liver_tumour=block(20, 4), kidney_cyst=NOTHING))
    zeros = number_map(tmp_path / "ref.nii.gz", {})
    structures, _, _ = told(tmp_path / "ours.nii.gz", zeros)
    assert (structures["liver_tumour"]["status"], structures["liver"]["status"]) == ("false_positive", "not_annotated")
    assert structures["kidney_cyst"]["status"] == "true_negative"
    truth = number_map(tmp_path / "truth.nii.gz", {6: block(18)})
    structures, _, _ = told(number_map(tmp_path / "nothing.nii.gz", {}), truth)
    assert structures["liver"]["status"] == "false_negative"
