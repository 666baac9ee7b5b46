"""Outputs replace nothing that is read, and may be made again."""

from __future__ import annotations

import pytest
from evaluated_files import block, number_map, run, seg

from omentum.io.nifti import write_labelmap


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
