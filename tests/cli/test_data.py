from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from raw_folders import lay_out

from omentum.cli import main
from omentum.data.datasets.find import find_dataset
from omentum.data.datasets.raw_case import find_cases
from omentum.data.datasets.recipe_catalogue import bundled_recipes

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-dataset.md"


def test_the_list_names_every_dataset(capsys):
    assert main(["data", "list"]) == 0
    out = capsys.readouterr().out
    for recipe in bundled_recipes().values():
        assert re.search(rf"^  {re.escape(recipe.key)} +{recipe.cases} +{len(recipe.annotated)} ", out, re.MULTILINE)


def test_the_list_as_json(capsys):
    assert main(["data", "list", "--json"]) == 0
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)["datasets"]}
    assert rows.keys() == bundled_recipes().keys()
    assert rows["kits23"]["values"]["2"] == {"structures": ["kidney_tumour"], "pairs": ["kidneys"]}
    assert rows["word"]["annotated"][0] == "spleen"
    assert rows["flare23"]["values"]["14"]["unknown"] == "a lesion of an organ that is not named"
    assert rows["amos22"]["rules"] == [{"ids": ["501-"], "skip": "MR, not CT"}]


def test_show_tells_all_that_matters(capsys):
    assert main(["data", "show", "btcv"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for text in (
        "btcv BTCV, Multi-Atlas",
        "licence CC BY 4.0",
        "10 portal_splenic_vein",
        "if present right_kidney, aorta",
        "61-80 only spleen, left_kidney, gallbladder",
        "**/img{id}.nii.gz (nifti), **/label{id}.nii.gz (map)",
        "label noise Some label maps",
        "patients btcv-{id}",
    ):
        assert text in out
    assert main(["data", "show", "kits23"]) == 0
    assert "2 kidney_tumour + kidneys (by side)" in " ".join(capsys.readouterr().out.split())
    assert main(["data", "show", "flare23"]) == 0
    assert "14 a lesion of an organ that is not named: what it touches is not" in " ".join(
        capsys.readouterr().out.split()
    )


def test_show_counts_the_cases_of_a_folder(capsys, tmp_path):
    lay_out(tmp_path, [f"{kind}Tr/amos_{n}.nii.gz" for kind in ("images", "labels") for n in ("0001", "0507")])
    lay_out(tmp_path, ["imagesTr/amos_0004.nii.gz"])
    assert main(["data", "show", "amos22", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "1 case, 1 skipped, 1 file unpaired" in out
    assert "skipped: MR, not CT" in out
    assert main(["data", "show", "amos22", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["found"]
    assert [case["id"] for case in found["cases"]] == ["0001"]
    assert found["skipped"] == {"0507": "MR, not CT"}
    assert len(found["unpaired"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["litz"], "error: unknown dataset 'litz' (did you mean 'lits'?)\n"),
        (["none.toml"], "error: none.toml: no such recipe (see `omentum data list` for the bundled ones)\n"),
        (["lits", "nowhere"], "error: nowhere: is not a folder (give the folder the dataset was unpacked into)\n"),
    ],
)
def test_a_fault_is_one_line_and_exit_code_2(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "show", *arguments]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", message)


def fenced(language: str) -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", HOW_TO.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block for tag, block in blocks if tag == language]


def test_the_how_to_works_as_it_stands(capsys, tmp_path, monkeypatch):
    """Its folder, its recipe, its command."""
    paths, toml = fenced("text")[0].split(), fenced("toml")[0]
    assert len(toml.splitlines()) <= 15
    lay_out(tmp_path, paths)
    (tmp_path / "st-elsewhere/recipe.toml").write_text(toml)
    recipe = find_dataset(tmp_path / "st-elsewhere")
    found = find_cases(recipe, tmp_path / "st-elsewhere")
    assert [case.id for case in found.cases] == ["p1", "p2", "p10"]
    assert len(found.cases) == recipe.cases
    assert {str(p.relative_to(tmp_path)) for c in found.cases for p in (c.image, *c.labels)} == set(paths[1:])
    assert recipe.annotated == {"liver", "liver_tumour", "right_kidney", "left_kidney"}
    assert found.cases[0].patient == "st-elsewhere-p1"
    monkeypatch.chdir(tmp_path)
    command = next(line for line in fenced("")[0].splitlines() if "st-elsewhere st-elsewhere" in line)
    assert main(command.split("#")[0].split()[1:]) == 0
    assert "3 cases, 0 skipped, 0 files unpaired" in capsys.readouterr().out


def test_the_how_to_names_every_field():
    text = HOW_TO.read_text(encoding="utf-8")
    from omentum.data.datasets import recipe_toml

    for field in (*recipe_toml._FIELDS, *recipe_toml._LAYOUT_FIELDS, *recipe_toml._RULE_FIELDS):
        assert field in text, field


def test_the_how_to_quotes_a_real_message(capsys, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[values]\n1 = "livr"\n')
    assert main(["data", "show", str(path)]) == 2
    said = capsys.readouterr().err.split("values.1: ")[1].strip()
    assert said in " ".join(HOW_TO.read_text(encoding="utf-8").split())
