import json

from omentum.anatomy import STRUCTURES
from omentum.cli import main
from omentum.model import read_spec
from omentum.model.weights import locate


def test_the_table_names_every_structure(capsys):
    assert main(["classes"]) == 0
    out = capsys.readouterr().out
    for row in STRUCTURES:
        assert f" {row.key} " in out
        assert row.snomed.code in out


def test_what_datasets_misspell_is_understood_and_not_shown(capsys):
    misspelt = {word: row.key for row in STRUCTURES for word in row.misspelt}
    assert {STRUCTURES.find(word).key for word in misspelt} == set(misspelt.values())
    assert {"arota", "celiac truck", "smallintestin"} <= misspelt.keys()
    assert main(["classes"]) == 0
    shown = capsys.readouterr().out
    assert not [word for word in misspelt if word in shown]


def test_two_questions_at_once_are_refused(capsys):
    for words, said in (
        (("--explain", "liver", "--map", "default"), "--explain and --map are two questions"),
        (("--explain", "liver", "-o", "map.png"), "-o names the picture of --map"),
    ):
        assert main(["classes", *words]) == 2
        assert said in capsys.readouterr().err


def test_json_is_the_whole_table(capsys):
    assert main(["classes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["structures"]
    assert [row["key"] for row in rows] == list(STRUCTURES.keys)
    liver_tumour = next(row for row in rows if row["key"] == "liver_tumour")
    assert liver_tumour["hosts"] == ["liver"]
    assert liver_tumour["snomed_category"]["code"] == "49755003"
    assert next(row for row in rows if row["key"] == "left_kidney")["snomed_modifier"]["meaning"] == "Left"


def test_weights_say_how_far_they_can_be_trusted(capsys):
    assert main(["classes", "-w", "default", "--json"]) == 0
    trust = {row["key"]: row["trust"] for row in json.loads(capsys.readouterr().out)["structures"]}
    assert trust == read_spec(locate("default")).trust
    assert trust["liver"] == "reliable"
    assert main(["classes", "-w", "default"]) == 0
    out = capsys.readouterr().out
    assert "with these weights" in out
    assert next(line for line in out.splitlines() if " liver " in line).count("reliable") == 1
    assert main(["classes"]) == 0
    assert "with these weights" not in capsys.readouterr().out
