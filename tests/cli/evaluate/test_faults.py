"""Bad options, unreadable files and what is no label map: told in one line each; a broken case stops no other."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
from evaluated_files import AFFINE, block, number_map, run


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


def test_references_that_cannot_be_judged_are_named(tmp_path, told):
    number_map(tmp_path / "refs" / "a.nii.gz", {6: block(18)})
    (tmp_path / "refs" / "lost").mkdir()
    number_map(tmp_path / "outs" / "a.nii.gz", {6: block(18)})
    _, _, printed = told(tmp_path / "outs", tmp_path / "refs")
    assert "refs: not evaluated, for want of a case.json or segmentation: 'lost'" in printed.err
    assert "references that name no structures: 'a'; their numbers are taken for Omentum's own (1 spleen" in printed.err


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
