"""A second model's predictions beside the first: case by case, over the structures that both were judged on."""

from __future__ import annotations

import json
import re

import pytest
from evaluated_files import NOTHING, block, reference, run, seg, write_result

from omentum.io.nifti import write_labelmap


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
    write_result(case / "other", reference())
    assert run(case / "out", case / "truth", "--compare", case / "other") == 0
    assert "-0.500" in capsys.readouterr().out


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
