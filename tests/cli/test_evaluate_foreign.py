"""Predictions and references of anybody's making: what is missed, what was not asked for, and what numbers mean."""

from __future__ import annotations

import csv
import json
import re

import nibabel as nib
import numpy as np
import pytest

from omentum.cli import main
from omentum.io.nifti import write_labelmap, write_volume
from omentum.io.truth import write_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SHAPE = (30, 16, 20)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
CT = Volume(np.zeros(SHAPE, np.int16), AFFINE)
NOTHING = np.zeros(SHAPE, bool)


def block(x, side=8):
    mask = np.zeros(SHAPE, bool)
    mask[x : x + side, 4 : 4 + side, 6 : 6 + side] = True
    return mask


def seg(**masks):
    return Segmentation.from_masks(masks, AFFINE)


def number_map(path, values):
    """A label map without names; later values paint over earlier ones."""
    voxels = np.zeros(SHAPE, np.uint8)
    for value, mask in values.items():
        voxels[mask] = value
    write_volume(path, Volume(voxels, AFFINE))
    return path


def run(*arguments):
    return main(["evaluate", *map(str, arguments)])


@pytest.fixture
def told(tmp_path, capsys):
    """Evaluates; returns the structures of the first case, what is left out of it, and what was printed."""

    def scores(*arguments, code=0):
        assert run(*arguments, "--json-file", tmp_path / "scores.json") == code
        case = json.loads((tmp_path / "scores.json").read_text())["cases"][0]
        return case["structures"], case["not_evaluated"], capsys.readouterr()

    return scores


@pytest.fixture
def truth(tmp_path):
    """Liver, spleen, no liver tumour."""
    write_case(tmp_path / "truth", CT, seg(liver=block(18), spleen=block(2), liver_tumour=NOTHING), {})
    return tmp_path / "truth"


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--classes", ","), "--classes names none"),
        (("--classes", "sigmoid colon"), "did you mean 'colon'"),
        (("--pred-mapping", "nothing"), "no such mapping"),
        (("--pred-mapping", "3d-ircadb-01"), "has masks and no numbers"),
        (("--healthy", "nowhere.csv"), "No such file"),
        (("--healthy", "list.csv"), "'spleen' is no lesion"),
    ],
)
def test_bad_options_are_answered_with_exit_code_2(tmp_path, truth, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.csv").write_text("case,structure\ntruth,spleen\n")
    ours = number_map(tmp_path / "ours.nii.gz", {6: block(18)})
    assert run(ours, truth, *arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error


def test_a_challenge_folder_against_a_challenge_folder(tmp_path, told):
    """LiTS numbers on both sides: one case good, one without a tumour found, one without a file."""
    tumour = block(20, 4)
    for name in ("liver_0", "liver_1", "liver_2"):
        number_map(tmp_path / "labels" / f"{name}.nii.gz", {1: block(18), 2: tumour})
    for folder in ("labels", "ours"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "._liver_0.nii.gz").write_bytes(b"of a Mac")
    number_map(tmp_path / "ours" / "liver_0.nii.gz", {1: block(18), 2: tumour})
    number_map(tmp_path / "ours" / "liver_1.nii.gz", {1: block(18)})
    mappings = ("--mapping", "msd-liver", "--pred-mapping", "msd-liver")
    _, _, printed = told(tmp_path / "ours", tmp_path / "labels", *mappings, "--csv", tmp_path / "s.csv")
    rows = [
        (r["case"], r["structure"], r["status"]) for r in csv.DictReader((tmp_path / "s.csv").read_text().splitlines())
    ]
    assert rows == [
        ("liver_0", "liver", "evaluated"),
        ("liver_0", "liver_tumour", "evaluated"),
        ("liver_1", "liver", "evaluated"),
        ("liver_1", "liver_tumour", "false_negative"),
        ("liver_2", "liver", "false_negative"),
        ("liver_2", "liver_tumour", "false_negative"),
    ]
    assert "no prediction, counted as missed: liver_2" in printed.out
    assert "._liver" not in printed.out + printed.err
    assert "mean Dice over 1 of 1 annotated tumours and cysts: 0.333" in printed.out


def test_images_and_labels_of_a_dataset_go_together_by_its_ids(tmp_path, told):
    for n in (1, 2):
        number_map(tmp_path / "labels" / f"label000{n}.nii.gz", {1: block(2), 6: block(18)})
        number_map(tmp_path / "ours" / f"img000{n}.nii.gz", {1: block(2), 6: block(18)})
    number_map(tmp_path / "ours" / "img0003.nii.gz", {1: block(2)})
    mappings = ("--mapping", "btcv", "--pred-mapping", "btcv", "--compare", tmp_path / "ours")
    structures, _, printed = told(tmp_path / "ours", tmp_path / "labels", *mappings)
    assert structures["liver"]["dice"] == 1.0
    assert "2 cases of 2 patients" in printed.out
    assert "counted as missed" not in printed.out
    assert "ignored, since no reference has the name: 'img0003'" in printed.err
    assert run(tmp_path / "ours", tmp_path / "labels", "--pred-mapping", "btcv") == 2


def test_a_numbering_leaves_out_what_it_has_no_number_for(tmp_path, truth, told):
    ours = number_map(tmp_path / "ours.nii.gz", {1: block(18)})
    structures, not_evaluated, _ = told(ours, truth, "--pred-mapping", "lits")
    assert set(structures) == {"liver", "liver_tumour"}
    assert not_evaluated == {"spleen": "no number in lits"}
    assert run(ours, truth) == 0  # 1 is our spleen: read without a mapping it is simply wrong


def test_a_numbered_result_with_a_manifest_is_held_to_what_was_asked_for(tmp_path, told):
    write_case(tmp_path / "truth", CT, seg(liver=block(18), liver_tumour=block(20, 4), spleen=block(2)), {})
    number_map(tmp_path / "out" / "segmentation.nii.gz", {1: block(18)})
    (tmp_path / "out" / "manifest.json").write_text(json.dumps({"options": {"classes": ["liver"]}}))
    structures, not_evaluated, _ = told(tmp_path / "out", tmp_path / "truth", "--pred-mapping", "msd-liver")
    assert set(structures) == {"liver"}
    assert not_evaluated == {"liver_tumour": "not asked for (manifest.json)", "spleen": "no number in msd-liver"}


def test_one_number_for_both_kidneys_is_judged_as_one_structure(tmp_path, told):
    kidneys = block(2) | block(18)
    write_case(tmp_path / "truth", CT, seg(right_kidney=block(2), left_kidney=block(18), kidney_tumour=NOTHING), {})
    ours = number_map(tmp_path / "ours.nii.gz", {1: kidneys})
    structures, _, printed = told(ours, tmp_path / "truth", "--pred-mapping", "kits19", "--html", tmp_path / "s.html")
    assert structures["kidneys"]["dice"] == 1.0
    assert set(structures) == {"kidneys", "kidney_tumour"}
    assert "Kidneys" in printed.out
    assert "Kidneys" in (tmp_path / "s.html").read_text()
    # Ours told apart and swapped against a reference that does not say: the sides are not evaluated.
    write_labelmap(tmp_path / "swapped.nii.gz", seg(right_kidney=block(18), left_kidney=block(2)))
    reference = number_map(tmp_path / "case_1.nii.gz", {1: kidneys})
    assert told(tmp_path / "swapped.nii.gz", reference, "--mapping", "kits19")[0]["kidneys"]["dice"] == 1.0


def test_a_picture_of_a_pair_shows_both_sides(tmp_path, told):
    write_case(tmp_path / "truth", CT, seg(right_kidney=block(2), left_kidney=block(18)), {})
    ours = number_map(tmp_path / "ours.nii.gz", {1: block(2)})
    told(ours, tmp_path / "truth", "--pred-mapping", "kits19", "--html", tmp_path / "s.html")
    page = (tmp_path / "s.html").read_text()
    assert "Kidneys, ours: Dice 0.667" in page
    assert "nan" not in page.split("base64")[0].lower()


def test_a_colon_that_holds_the_rectum_needs_a_rectum_to_be_judged(tmp_path, told):
    ours = number_map(tmp_path / "ours.nii.gz", {20: block(18) | block(2)})
    write_case(tmp_path / "both", CT, seg(colon=block(18), rectum=block(2)), {})
    structures, not_evaluated, _ = told(ours, tmp_path / "both", "--pred-mapping", "totalsegmentator")
    assert (structures["colon"]["dice"], not_evaluated) == (1.0, {"rectum": "no number in totalsegmentator"})
    write_case(tmp_path / "colon", CT, seg(colon=block(18)), {})
    structures, not_evaluated, _ = told(ours, tmp_path / "colon", "--pred-mapping", "totalsegmentator")
    assert "colon" not in structures
    assert not_evaluated == {"colon": "the prediction's holds rectum as well, which is not annotated"}


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


def test_references_that_cannot_be_judged_are_named(tmp_path, told):
    number_map(tmp_path / "refs" / "a.nii.gz", {6: block(18)})
    (tmp_path / "refs" / "lost").mkdir()
    number_map(tmp_path / "outs" / "a.nii.gz", {6: block(18)})
    _, _, printed = told(tmp_path / "outs", tmp_path / "refs")
    assert "refs: not evaluated, for want of a case.json or segmentation: 'lost'" in printed.err
    assert "references that name no structures: 'a'; their numbers are taken for Omentum's own (1 spleen" in printed.err


def test_two_predictions_with_different_classes_are_compared_over_the_same_structures(tmp_path, truth, told):
    write_labelmap(tmp_path / "one.nii.gz", seg(liver=block(18), spleen=block(2)))
    write_labelmap(tmp_path / "two.nii.gz", seg(liver=block(16), liver_tumour=NOTHING))
    arguments = (tmp_path / "one.nii.gz", truth, "--compare", tmp_path / "two.nii.gz", "--html", tmp_path / "s.html")
    _, _, printed = told(*arguments)
    page, inputs = (tmp_path / "s.html").read_text(), json.loads((tmp_path / "scores.json").read_text())["inputs"]
    assert inputs == {
        "predictions": str(tmp_path / "one.nii.gz"),
        "reference": str(truth),
        "numbers of the reference": "Omentum's own, or as the files name them",
        "numbers of the predictions": "Omentum's own, or as the files name them",
        "compared with": str(tmp_path / "two.nii.gz"),
    }
    assert all(f'<td class="words">{value}</td>' in page for value in inputs.values())
    assert re.search(r"omentum [0-9.a-z]+, 20[0-9]{2}-[01][0-9]-[0-3][0-9] ", page)
    (line,) = (
        line for line in printed.out.splitlines() if line.startswith("mean Dice over the organs and vessels and")
    )
    assert line.endswith("one.nii.gz 1.000 over 1, " + f"{tmp_path / 'two.nii.gz'} 0.750 over 1")
    assert f"not compared, since only {tmp_path / 'one.nii.gz'} was evaluated on it: Spleen" in printed.out
    assert f"only {tmp_path / 'two.nii.gz'} was evaluated on it: Liver tumour" in (tmp_path / "s.html").read_text()
    comparison = json.loads((tmp_path / "scores.json").read_text())["comparison"]
    assert (comparison["structures"], comparison["only_first"]) == (["liver"], ["spleen"])


@pytest.mark.parametrize("option", ["--csv", "--json-file", "--html", "--operating-points"])
@pytest.mark.parametrize(
    "target",
    [
        *("outs/a/segmentation.nii.gz", "outs/a/manifest.json", "outs/stray.nii.gz", "refs/a.nii.gz"),
        *("mine.json", "healthy.csv", "mm.toml", "hard.link"),
    ],
)
def test_no_output_replaces_what_is_read(option, target, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_labelmap(tmp_path / "outs/a/segmentation.nii.gz", seg(liver=block(18)))
    (tmp_path / "outs/a/manifest.json").write_text('{"options": {"classes": ["liver"]}}')
    number_map(tmp_path / "outs/stray.nii.gz", {6: block(18)})
    number_map(tmp_path / "refs/a.nii.gz", {6: block(18)})
    (tmp_path / "mine.json").write_text('{"6": "liver"}')
    (tmp_path / "healthy.csv").write_text("case,structure\na,liver tumour\n")
    (tmp_path / "mm.toml").write_text("liver = 2.0\n")
    (tmp_path / "hard.link").hardlink_to(tmp_path / "refs/a.nii.gz")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    lists = ["--mapping", "mine.json", "--healthy", "healthy.csv", "--tolerance", "mm.toml"]
    assert run("outs", "refs", *lists, "--quiet", option, target) == 2
    assert target.split("/")[0] in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_scores_may_lie_beside_cases_and_be_made_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_labelmap(tmp_path / "outs/a/segmentation.nii.gz", seg(liver=block(18)))
    number_map(tmp_path / "refs/a.nii.gz", {6: block(18)})
    for _ in range(2):
        assert run("outs", "refs", "--quiet", "--csv", "outs/scores.csv", "--json-file", "refs/scores.json") == 0


def test_a_reference_in_another_s_numbers_is_suspected(tmp_path, told):
    """AMOS: 10 pancreas, 11 right adrenal, 13 duodenum; ours are portal vein, pancreas and left adrenal."""
    where = {"pancreas": block(2, 6), "right_adrenal": block(10, 6), "duodenum": block(20, 6)}
    write_labelmap(tmp_path / "ours.nii.gz", seg(**where))
    reference = number_map(tmp_path / "ref.nii.gz", dict(zip((10, 11, 13), where.values(), strict=True)))
    _, _, printed = told(tmp_path / "ours.nii.gz", reference)
    assert "their numbers are taken for Omentum's own (1 spleen, 2 right kidney" in printed.err
    assert "10 (portal_splenic_vein) lies where the prediction has pancreas, 11 (pancreas) lies where" in printed.err
    assert "--mapping amos22" in printed.err
    structures, _, printed = told(tmp_path / "ours.nii.gz", reference, "--mapping", "amos22")
    assert structures["pancreas"]["dice"] == 1.0
    assert "numbers" not in printed.err


def test_zeros_are_a_patient_without_lesions(tmp_path, told):
    write_labelmap(tmp_path / "ours.nii.gz", seg(liver=block(18), liver_tumour=block(20, 4), kidney_cyst=NOTHING))
    zeros = number_map(tmp_path / "ref.nii.gz", {})
    structures, _, _ = told(tmp_path / "ours.nii.gz", zeros)
    assert (structures["liver_tumour"]["status"], structures["liver"]["status"]) == ("false_positive", "not_annotated")
    assert structures["kidney_cyst"]["status"] == "true_negative"
    truth = number_map(tmp_path / "truth.nii.gz", {6: block(18)})
    structures, _, _ = told(number_map(tmp_path / "nothing.nii.gz", {}), truth)
    assert structures["liver"]["status"] == "false_negative"


@pytest.mark.parametrize(
    ("voxels", "said"),
    [
        (
            np.arange(-1100, -1100 + 16, dtype=np.int16).reshape(1, 4, 4) * np.ones((4, 1, 1), np.int16),
            "looks like a CT",
        ),
        (np.arange(1728, dtype=np.int16).reshape(12, 12, 12), "1727 different values: an image, no label map"),
        (np.full((4, 4, 4), 255, np.uint8), "has labels 255 that are not template numbers (say what they mean: --m"),
        (np.arange(40, 48, dtype=np.uint8).reshape(2, 2, 2), "40, 41, 42, 43, 44 and 3 more that are not"),
        (np.ones((1, 4, 4, 5), np.uint8), "is 4D, 1 x 4 x 4 x 5: channel first (write it as 3D"),
        (np.ones((4, 4, 4, 2), np.uint8), "is 4D, 4 x 4 x 4 x 2 (write it as 3D"),
    ],
    ids=["signed CT", "unsigned image", "255", "many labels", "channel first", "4D"],
)
def test_what_is_no_label_map_of_ours_is_told_in_one_short_line(voxels, said, tmp_path, capsys):
    ours = number_map(tmp_path / "ours.nii.gz", {6: block(18)})
    nib.save(nib.Nifti1Image(voxels, AFFINE), tmp_path / "ref.nii.gz")
    for pair, option in (((ours, tmp_path / "ref.nii.gz"), "--mapping"), ((tmp_path / "ref.nii.gz", ours), "--pred-m")):
        assert run(*pair, "--quiet") == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert said.replace("--m", option) in error
        assert "read_labels" not in error
        assert len(error.replace(str(tmp_path), "")) < 250


def test_a_mapping_that_contradicts_the_names_in_a_file_is_refused(tmp_path, truth, capsys):
    write_labelmap(tmp_path / "named.nii.gz", seg(liver=block(18), spleen=block(2)))
    numbers = tmp_path / "numbers.json"
    numbers.write_text(json.dumps({"1": "spleen", "6": "stomach"}))
    assert run(tmp_path / "named.nii.gz", truth, "--pred-mapping", numbers) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "calls value 6 'Liver', and --pred-mapping" in error
    assert "calls it stomach (leave out --pred-mapping: the file names its structures)" in error
    numbers.write_text(json.dumps({"1": "spleen", "6": ["liver", "liver tumour"], "7": "stomach"}))
    assert run(tmp_path / "named.nii.gz", truth, "--pred-mapping", numbers) == 0
