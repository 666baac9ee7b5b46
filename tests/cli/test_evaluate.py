from __future__ import annotations

import csv
import io
import json
import re
from base64 import b64decode
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from shared_data import shared

from omentum.cli import main
from omentum.evaluate import load_mapping
from omentum.evaluate import worst_cases as evaluate_pictures
from omentum.io.labels import read_labels
from omentum.io.nifti import write_labelmap, write_volume
from omentum.io.truth import write_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SHAPE = (30, 16, 20)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
CT = Volume(np.zeros(SHAPE, np.int16), AFFINE)


def block(x, side=8, shape=SHAPE):
    mask = np.zeros(shape, bool)
    mask[x : x + side, 4 : 4 + side, 6 : 6 + side] = True
    return mask


def truth(**others):
    masks = {"liver": block(18), "spleen": block(2), "liver_tumour": block(20, 4), **others}
    return Segmentation.from_masks(masks, AFFINE)


def shifted():
    """Liver right (tumour included), spleen half a block too far, no tumour found."""
    masks = {"liver": block(18), "spleen": block(6), "liver_tumour": np.zeros(SHAPE, bool)}
    return Segmentation.from_masks(masks, AFFINE)


def write_result(folder, seg):
    write_labelmap(folder / "segmentation.nii.gz", seg)
    return folder


@pytest.fixture
def case(tmp_path):
    write_case(tmp_path / "truth", CT, truth(), {})
    write_result(tmp_path / "out", shifted())
    return tmp_path


def run(*arguments):
    return main(["evaluate", *map(str, arguments)])


def scores_of(path):
    return json.loads(path.read_text())["cases"][0]["structures"]


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
    flipped = Segmentation(truth().bits[:, ::-1], turned, truth().classes)
    assert run(write_result(case / "flipped", flipped), case / "truth", "--json-file", case / "s.json") == 0
    assert scores_of(case / "s.json")["spleen"]["dice"] == 1.0
    elsewhere = Segmentation(truth().bits, AFFINE @ np.diag([1, 1, 2, 1]), truth().classes)
    assert run(write_result(case / "elsewhere", elsewhere), case / "truth") == 2
    message = capsys.readouterr().err
    assert "segmentation.nii.gz: prediction and reference lie on different grids" in message
    assert "never resamples" in message


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


def test_a_folder_of_cases_counts_the_one_without_a_result_as_missed(tmp_path, capsys):
    for name in ("a", "b", "c"):
        write_case(tmp_path / "truths" / name, CT, truth(), {})
    write_result(tmp_path / "outs" / "a", truth())
    write_result(tmp_path / "outs" / "b", shifted())
    assert run(tmp_path / "outs", tmp_path / "truths", "--json-file", tmp_path / "s.json") == 0
    assert "no prediction, counted as missed: c" in capsys.readouterr().out
    summary = json.loads((tmp_path / "s.json").read_text())["summary"]
    assert summary["structures"]["liver"]["dice"]["mean"] == pytest.approx(2 / 3)
    assert summary["structures"]["spleen"]["dice"]["mean"] == pytest.approx(1.5 / 3)
    assert summary["structures"]["liver_tumour"]["lesions"]["sensitivity"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere", "truth"), "nowhere: no such file or folder"),
        (("empty", "truth"), "has no segmentation.seg.nrrd or segmentation.nii.gz"),
        (("empty", "."), "holds no case of the reference"),
        (("out", "truth", "--mapping", "totalsegmentator"), "needs no --mapping"),
        (("out", "truth/labels.nii.gz", "--mapping", "none"), "no such mapping"),
        (("out", "empty"), "empty: is no case folder: it has no case.json and no segmentation (give the truth or"),
        (("out", "truth", "--tolerance", "none.toml"), "no such file of tolerances"),
        (("out", "truth", "--tolerance", "-1"), "error: -1.0 is no tolerance (a positive number of mm"),
        (("out", "truth", "--patients", "truth/case.json"), "is no list of patients"),
        (("out", "truth", "--patients", "other.csv"), "is no list of patients"),
        (("out", "truth", "--compare", "nowhere"), "nowhere: no such file or folder"),
        (("out", "truth", "--compare", "empty"), "holds no case of the reference"),
        (("out", "truth", "--json-file", "truth/case.json/s.json"), "cannot be written"),
        (("out", "truth", "--json-file", "scores", "--csv", "./scores"), "scores: is asked for twice"),
        (("out", "truth", "--patients", "patients.csv", "--json-file", "patients.csv"), "is also the input"),
        (("out", "truth", "--part", "validation"), "--part without --split"),
        (("out", "truth", "--split", "split.json"), "split.json: No such file or directory"),
    ],
)
def test_bad_input_is_answered_on_one_line_with_exit_code_2(case, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(case)
    (case / "empty").mkdir()
    (case / "other.csv").write_text("a,b\n")
    (case / "patients.csv").write_text("case,patient\ncase,somebody\n")
    assert run(*arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.startswith("error: ")
    assert "\n" not in error


@pytest.fixture
def batch(tmp_path):
    """Three truths; the first model has two good results and a broken one, the second two of three."""
    for name in ("a", "b", "c"):
        write_case(tmp_path / "truths" / name, CT, truth(), {"patient": "twice" if name in "ab" else "once"})
        write_result(tmp_path / "outs" / name, truth())
    (tmp_path / "outs" / "c" / "segmentation.nii.gz").write_bytes(b"nothing of the kind")
    for name in ("a", "b"):
        write_result(tmp_path / "others" / name, shifted())
    return tmp_path


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_broken_case_is_told_counted_as_missed_and_stops_nothing(batch, capsys, jobs):
    assert run(batch / "outs", batch / "truths", "-j", jobs, "--json-file", batch / "s.json") == 3
    told = capsys.readouterr()
    assert "could not be evaluated, counted as missed: c" in told.out
    (error,) = (line for line in told.err.splitlines() if line.startswith("error: "))
    assert "outs/c/segmentation.nii.gz: is not a NIfTI file" in error
    result = json.loads((batch / "s.json").read_text())
    assert [case["case"] for case in result["cases"]] == ["a", "b", "c"]
    assert result["summary"]["structures"]["liver"]["dice"]["mean"] == pytest.approx(2 / 3)
    assert result["summary"]["structures"]["liver"]["hd95_mm"]["n_penalised"] == 1
    assert "segmentation.nii.gz" in result["failed"]["c"]


def test_a_reference_that_cannot_be_read_is_told_and_left_out(batch, capsys):
    (batch / "truths" / "b" / "bits.nii.gz").write_bytes(b"")
    assert run(batch / "outs", batch / "truths", "--json-file", batch / "s.json") == 3
    assert "could not be evaluated nor counted: b" in capsys.readouterr().out
    assert json.loads((batch / "s.json").read_text())["summary"]["cases"] == 2


def test_cases_of_one_patient_belong_together_by_the_case_or_by_a_list(batch, capsys):
    run(batch / "outs", batch / "truths", "--json-file", batch / "s.json")
    assert json.loads((batch / "s.json").read_text())["summary"]["patients"] == 2
    (batch / "list.csv").write_text("case,patient\na,1\nb,2\nc,3\n")
    run(batch / "outs", batch / "truths", "--patients", batch / "list.csv", "--json-file", batch / "s.json")
    assert json.loads((batch / "s.json").read_text())["summary"]["patients"] == 3
    assert "3 cases of 3 patients" in capsys.readouterr().out


def test_two_models_are_compared_case_by_case(batch, capsys):
    options = ("--compare", batch / "others", "--json-file", batch / "s.json")
    assert run(batch / "outs", batch / "truths", *options) == 3
    assert "worse" in capsys.readouterr().out
    result = json.loads((batch / "s.json").read_text())
    spleen = next(row for row in result["comparison"]["differences"] if row["structure"] == "spleen")
    # Patient "twice" gains half in each scan; "once" was missed by both.
    assert (spleen["metric"], spleen["patients"], spleen["mean"]) == ("dice", 2, pytest.approx(0.25))
    assert result["second"]["without_prediction"] == ["c"]


def test_a_single_case_can_be_compared_too(case, capsys):
    write_result(case / "other", truth())
    assert run(case / "out", case / "truth", "--compare", case / "other") == 0
    assert "-0.500" in capsys.readouterr().out


def test_surfaces_are_measured_unless_told_not_to(case):
    assert run(case / "out", case / "truth", "--json-file", case / "s.json", "--tolerance", "12") == 0
    spleen = scores_of(case / "s.json")["spleen"]
    assert (spleen["nsd"], spleen["hd95_mm"]) == (1.0, pytest.approx(12.0))
    assert run(case / "out", case / "truth", "--json-file", case / "s.json", "--no-distances") == 0
    assert scores_of(case / "s.json")["spleen"]["nsd"] is None


def test_the_page_is_one_file_with_figures_and_every_name_escaped(batch):
    name = "<img src=x onerror=alert(1)>&"
    (batch / "truths" / "b").rename(batch / "truths" / name)
    (batch / "outs" / "b").rename(batch / "outs" / name)
    assert run(batch / "outs", batch / "truths", "--compare", batch / "others", "--html", batch / "s.html") == 3
    page = (batch / "s.html").read_text()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;" in page
    assert page.count("data:image/svg+xml;base64,") == 3
    assert "<script" not in page
    assert '<td>Liver</td><td class="words">c</td><td class="words"></td>' in page
    assert "nan" not in page.lower().split("base64")[0]


def test_the_worst_cases_are_drawn_with_the_ct_beside_their_truth(batch):
    name = "<svg onload=alert(1)>"
    (batch / "truths" / "b").rename(batch / "truths" / name)
    (batch / "others" / "b").rename(batch / "others" / name)
    assert run(batch / "others", batch / "truths", "--html", batch / "s.html") == 0
    page = (batch / "s.html").read_text()
    # The liver is right in all cases, "c" was never predicted: two cases each of spleen and liver tumour.
    drawn = [attributes for tag, attributes in elements(page) if tag == "svg"]
    assert [set(attributes) for attributes in drawn] == [{"viewbox", "role", "aria-label"}] * 4
    assert "Spleen, &lt;svg onload=alert(1)&gt;: Dice 0.5" in page
    assert "Liver tumour, a: false negative" in page
    assert page.count('class="reference"') == 4
    assert page.count('class="prediction"') == 2
    shades = [
        np.asarray(Image.open(io.BytesIO(b64decode(code)))).max() for code in re.findall('webp;base64,([^"]+)', page)
    ]
    assert min(shades) > 90  # water in a window from -160 to 240 HU


def test_pictures_are_limited_in_number_and_every_structure_comes_before_a_second_case(tmp_path, monkeypatch):
    monkeypatch.setattr("omentum.evaluate.worst_cases.MOST", 3)
    for name in ("a", "b", "c"):
        write_case(tmp_path / "truths" / name, CT, truth(), {})
        write_result(tmp_path / "outs" / name, shifted())
    assert run(tmp_path / "outs", tmp_path / "truths", "--html", tmp_path / "s.html") == 0
    captions = re.findall("<figcaption>([^:<]+):", (tmp_path / "s.html").read_text())
    assert captions == ["Spleen, a", "Liver tumour, a", "Liver tumour, b"]


def test_pictures_without_a_ct_are_drawn_on_black_and_of_a_lost_file_not_at_all(batch, capsys, monkeypatch):
    for name in "ab":
        (batch / "truths" / name / "ct.nii.gz").unlink()
    chosen = evaluate_pictures._chosen
    monkeypatch.setattr(evaluate_pictures, "_chosen", lambda evaluated: lose(batch / "others" / "b", chosen(evaluated)))
    assert run(batch / "others", batch / "truths", "--html", batch / "s.html") == 0
    page = (batch / "s.html").read_text()
    assert page.count("<svg ") == 2
    assert "warning: no picture of b: " in capsys.readouterr().err


def elements(page):
    """Tags with their attributes, as a browser sees them."""
    seen, parser = [], HTMLParser()
    parser.handle_starttag = lambda tag, attributes: seen.append((tag, dict(attributes)))
    parser.feed(page)
    return seen


def lose(folder, passed_on):
    (folder / "segmentation.nii.gz").unlink()
    return passed_on


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
