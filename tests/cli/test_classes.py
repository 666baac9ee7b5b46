import json

from omentum.anatomy import STRUCTURES
from omentum.cli import main


def test_the_table_names_every_structure(capsys):
    assert main(["classes"]) == 0
    out = capsys.readouterr().out
    for row in STRUCTURES:
        assert f" {row.key} " in out
        assert row.snomed.code in out


def test_json_is_the_whole_table(capsys):
    assert main(["classes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["key"] for row in rows] == list(STRUCTURES.keys)
    liver_tumour = next(row for row in rows if row["key"] == "liver_tumour")
    assert liver_tumour["hosts"] == ["liver"]
    assert liver_tumour["snomed_category"]["code"] == "49755003"
    assert next(row for row in rows if row["key"] == "left_kidney")["snomed_modifier"]["meaning"] == "Left"
