"""Numbers of others on either side and their meaning: mappings, pairs in one number, challenge folders."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
from evaluated_files import AFFINE, CT, NOTHING, SHAPE, block, number_map, run, scores_of, seg, write_result

from omentum.io.nifti import write_labelmap, write_volume
from omentum.io.truth import write_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume


def test_a_foreign_label_map_with_its_mapping(case):
    foreign = np.zeros(SHAPE, np.uint8)
    foreign[block(18)], foreign[block(2)] = 5, 1
    write_volume(case / "foreign.nii.gz", Volume(foreign, AFFINE))
    (case / "mapping.json").write_text('{"1": "spleen", "5": "liver"}')
    options = ("--mapping", case / "mapping.json", "--json-file", case / "s.json")
    assert run(case / "out", case / "foreign.nii.gz", *options) == 0
    structures = scores_of(case / "s.json")
    assert structures["liver"]["dice"] == 1.0
    assert structures["liver_tumour"]["status"] == "not_annotated"


def test_predicted_rectum_counts_as_colon_for_totalsegmentator(case, capsys):
    foreign = np.zeros(SHAPE, np.uint8)
    foreign[block(18)] = foreign[block(6)] = 20
    write_volume(case / "ts.nii.gz", Volume(foreign, AFFINE))
    ours = Segmentation.from_masks({"colon": block(18), "rectum": block(6)}, AFFINE)
    out = write_result(case / "bowel", ours)
    assert run(out, case / "ts.nii.gz", "--mapping", "totalsegmentator", "--json-file", case / "s.json") == 0
    assert scores_of(case / "s.json")["colon"]["dice"] == 1.0
    told = capsys.readouterr().out
    assert "mean Dice over 1 of 20 annotated organs and vessels: 1.000" in told
    assert re.search(r"not in it \(not among the names in the prediction's file\): .*Aorta, ", told)


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


def test_a_colon_that_holds_the_rectum_needs_a_rectum_to_be_judged(tmp_path, told):
    ours = number_map(tmp_path / "ours.nii.gz", {20: block(18) | block(2)})
    write_case(tmp_path / "both", CT, seg(colon=block(18), rectum=block(2)), {})
    structures, not_evaluated, _ = told(ours, tmp_path / "both", "--pred-mapping", "totalsegmentator")
    assert (structures["colon"]["dice"], not_evaluated) == (1.0, {"rectum": "no number in totalsegmentator"})
    write_case(tmp_path / "colon", CT, seg(colon=block(18)), {})
    structures, not_evaluated, _ = told(ours, tmp_path / "colon", "--pred-mapping", "totalsegmentator")
    assert "colon" not in structures
    assert not_evaluated == {"colon": "the prediction's holds rectum as well, which is not annotated"}


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
