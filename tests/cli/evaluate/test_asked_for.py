"""What a prediction was asked for, by its names, its manifest or an option; nothing else is held against it."""

from __future__ import annotations

import json

from evaluated_files import CT, NOTHING, block, number_map, run, seg

from omentum.io.nifti import write_labelmap
from omentum.io.truth import write_case


def test_what_a_nameless_prediction_lacks_was_missed(tmp_path, truth, told):
    ours = number_map(tmp_path / "ours.nii.gz", {6: block(18)})
    structures, not_evaluated, printed = told(ours, truth)
    assert (structures["spleen"]["status"], structures["spleen"]["dice"]) == ("false_negative", 0.0)
    assert (structures["spleen"]["nsd"], structures["liver_tumour"]["status"]) == (0.0, "true_negative")
    assert not_evaluated == {}
    assert "mean Dice over 2 of 2 annotated organs and vessels: 0.500" in printed.out


def test_names_in_the_file_say_what_was_asked_for(tmp_path, truth, told):
    write_labelmap(tmp_path / "ours.nii.gz", seg(liver=block(18), pancreas=NOTHING))
    structures, not_evaluated, printed = told(tmp_path / "ours.nii.gz", truth)
    assert set(structures) == {"liver", "pancreas"}
    reason = "not among the names in the prediction's file"
    assert not_evaluated == {"spleen": reason, "liver_tumour": reason}
    assert "mean Dice over 1 of 2 annotated organs and vessels: 1.000" in printed.out
    assert f"not in it ({reason}): Spleen" in printed.out


def test_the_manifest_beside_it_says_what_was_asked_for(tmp_path, truth, told):
    number_map(tmp_path / "out" / "segmentation.nii.gz", {6: block(18)})
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(json.dumps({"options": {"classes": ["liver", "liver_tumour"]}}))
    structures, not_evaluated, _ = told(tmp_path / "out", truth)
    assert structures["liver_tumour"]["status"] == "true_negative"
    assert not_evaluated == {"spleen": "not asked for (manifest.json)"}
    manifest.write_text(json.dumps({"options": {"classes": ["liver", "spleen"]}}))
    assert told(tmp_path / "out", truth)[0]["spleen"]["status"] == "false_negative"
    manifest.write_text("{}")
    assert run(tmp_path / "out", truth) == 2


def test_structures_says_what_is_judged_whatever_the_prediction_holds(tmp_path, truth, told):
    write_labelmap(tmp_path / "ours.nii.gz", seg(liver=block(18), pancreas=NOTHING))
    structures, not_evaluated, printed = told(tmp_path / "ours.nii.gz", truth, "--classes", "spleen, liver tumor")
    assert set(structures) == {"spleen", "liver_tumour"}
    assert structures["spleen"]["dice"] == 0.0
    assert not_evaluated == {"liver": "not among --classes"}
    assert "mean Dice over 1 of 2 annotated organs and vessels: 0.000" in printed.out


def test_a_numbered_result_with_a_manifest_is_held_to_what_was_asked_for(tmp_path, told):
    write_case(tmp_path / "truth", CT, seg(liver=block(18), liver_tumour=block(20, 4), spleen=block(2)), {})
    number_map(tmp_path / "out" / "segmentation.nii.gz", {1: block(18)})
    (tmp_path / "out" / "manifest.json").write_text(json.dumps({"options": {"classes": ["liver"]}}))
    structures, not_evaluated, _ = told(tmp_path / "out", tmp_path / "truth", "--pred-mapping", "msd-liver")
    assert set(structures) == {"liver"}
    assert not_evaluated == {"liver_tumour": "not asked for (manifest.json)", "spleen": "no number in msd-liver"}


def test_a_numbering_leaves_out_what_it_has_no_number_for(tmp_path, truth, told):
    ours = number_map(tmp_path / "ours.nii.gz", {1: block(18)})
    structures, not_evaluated, _ = told(ours, truth, "--pred-mapping", "lits")
    assert set(structures) == {"liver", "liver_tumour"}
    assert not_evaluated == {"spleen": "no number in lits"}
    assert run(ours, truth) == 0  # 1 is our spleen: read without a mapping it is simply wrong
