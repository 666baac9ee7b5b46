"""`omentum extend`: the table, the six axes, JSON, and exit codes."""

from __future__ import annotations

import json

import pytest
from extension_cases import KEY, KNOWN, WORDS, place  # noqa: F401
from json_schemas import fault_of

from omentum.cli import main
from omentum.train.extend import forgetting as room
from omentum.train.extend.comparison import Reference

ARGUMENTS = [
    "extend",
    "--from",
    "parent.safetensors",
    "--add",
    WORDS,
    "--data",
    "my.toml",
    "-o",
    "new.safetensors",
    "--max-growth",
    "1",
]


def test_the_table_shows_every_structure_and_the_six_axes(place, capsys):  # noqa: F811
    assert main([*ARGUMENTS, "--check", "old", "--json-file", "new.json"]) == 0
    out = capsys.readouterr().out
    for said in (*KNOWN, f"{KEY} (new)", "performance", "forgetting", "plasticity", "forward generalisation",
                 "parameter growth", "replay burden", "2 passes"):  # fmt: skip
        assert said in out
    document = json.loads((place / "new.json").read_text())
    assert fault_of(document) is None
    assert document["path"] == "new.safetensors"
    assert main(["classes", "-w", "new.safetensors"]) == 0
    assert "ermiform appendix" in capsys.readouterr().out
    assert main(["weights", "info", "new.safetensors", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["adapters"] == [{"classes": [KEY], "rank": 4, "parts": []}]


def test_forgetting_prints_the_table_and_one_line_and_is_exit_code_2(place, capsys, monkeypatch):  # noqa: F811
    dice = iter([0.9, 0.5])
    monkeypatch.setattr(room, "measured", lambda *_: {("liver", Reference.TRUTH): (next(dice), 1)})
    assert main([*ARGUMENTS, "--protect", "none", "--json-file", "new.json"]) == 2
    out, err = capsys.readouterr()
    assert "-0.400" in out
    assert "error: not written: 1 known structure lost more than 0.01 Dice (liver 0.900 to 0.500)" in err
    assert sum(line.startswith("error") for line in err.splitlines()) == 1
    assert json.loads((place / "new.json").read_text())["path"] is None
    assert not (place / "new.safetensors").exists()


def test_a_known_word_is_one_line(place, capsys):  # noqa: F811
    assert main([*ARGUMENTS[:4], "liver", *ARGUMENTS[5:]]) == 2
    assert "'liver' is liver, which the model knows already" in capsys.readouterr().err


def test_the_json_file_is_never_an_input(place, capsys):  # noqa: F811
    settings = (place / "my.toml").read_text()
    assert main([*ARGUMENTS, "--json-file", "my.toml"]) == 2
    assert "is also the input" in capsys.readouterr().err
    assert (place / "my.toml").read_text() == settings


@pytest.mark.parametrize("words", ["linke Niere", "rein gauche", "左肾", "kidney left"])
def test_a_known_structure_in_other_words_is_no_new_one(place, capsys, words):  # noqa: F811
    assert main([*ARGUMENTS[:4], words, *ARGUMENTS[5:]]) == 2
    assert "is left_kidney, which the model knows already" in capsys.readouterr().err


def test_new_words_with_a_side_need_a_structures_file(place, capsys):  # noqa: F811
    assert main([*ARGUMENTS[:4], "left ovary", *ARGUMENTS[5:]]) == 2
    assert "'left ovary' has a side" in capsys.readouterr().err
