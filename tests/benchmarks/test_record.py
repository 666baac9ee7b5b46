import argparse
import ast
import json
import re
from dataclasses import replace

import numpy as np
import pytest

import facts
from record import ROOT, Record, Table, content_hash, publish, read, result_file, write

TABLE = Table({"profile": "{}", "all s": "**{:.1f}**"}, (("exact", 19.66), ("fast", None)), about="By the clock.")


def result(**changes):
    found = Record("A title", {}, {"date": "2026-11-28", "commit": "abc", "command": "python x.py"}, {"main": TABLE})
    return replace(found, **changes)


def test_what_is_written_is_read_again(tmp_path):
    made = result(values={"network s": np.float32(12.5)}, remarks=("Earlier that day: 40.9 s.",))
    write(tmp_path / "x.json", made)
    found = read(tmp_path / "x.json")
    assert found.values == {"network s": 12.5}
    assert [list(row) for row in found.tables["main"].rows] == [["exact", 19.66], ["fast", None]]
    assert found.remarks == ["Earlier that day: 40.9 s."]


def test_a_row_is_a_line_of_the_file(tmp_path):
    write(tmp_path / "x.json", result())
    lines = [line.strip().rstrip(",") for line in (tmp_path / "x.json").read_text().splitlines()]
    assert '["exact", 19.66]' in lines


def test_a_failed_write_leaves_what_was_there(tmp_path):
    write(tmp_path / "x.json", result())
    before = (tmp_path / "x.json").read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        write(tmp_path / "x.json", result(values={"ratio": float("nan")}))
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
    assert (tmp_path / "x.json").read_bytes() == before


def test_a_changed_new_or_removed_file_makes_a_result_outdated(tmp_path):
    code = tmp_path / "src"
    code.mkdir()
    (code / "a.py").write_text("1")
    (tmp_path / "b.py").write_text("1")
    made = result(measures={entry: content_hash(entry, tmp_path) for entry in ("src", "b.py")})
    assert made.outdated(tmp_path) == []
    (code / "__pycache__").mkdir()
    (code / "__pycache__" / "a.pyc").write_text("left behind by running it")
    assert made.outdated(tmp_path) == []
    (code / "a.py").write_text("2")
    assert made.outdated(tmp_path) == ["src"]
    (code / "a.py").write_text("1")
    (code / "c.py").write_text("")
    assert made.outdated(tmp_path) == ["src"]
    (code / "c.py").unlink()
    (tmp_path / "b.py").unlink()
    assert made.outdated(tmp_path) == ["b.py"]


def test_a_moved_file_changes_its_folder(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("1")
    before = content_hash("src", tmp_path)
    (tmp_path / "src" / "a.py").rename(tmp_path / "src" / "b.py")
    assert content_hash("src", tmp_path) != before


def test_publishing_says_when_where_and_how(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(facts.sys, "argv", [str(ROOT / "benchmarks/x.py"), "--cases", "4"])
    publish(tmp_path / "x.json", title="A title", measures=["src/omentum/errors.py"], tables={"main": TABLE})
    made = json.loads((tmp_path / "x.json").read_text())
    assert made["made"]["command"] == "python benchmarks/x.py --cases 4"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", made["made"]["date"])
    assert made["made"]["machine"]["cores"] > 0
    assert made["measures"] == {"src/omentum/errors.py": content_hash("src/omentum/errors.py")}
    assert "| exact | **19.7** |" in capsys.readouterr().out


def test_a_result_of_code_that_does_not_exist_is_shown_but_not_kept(tmp_path, capsys):
    with pytest.raises(SystemExit, match=re.escape("src/omentum/nothing.py")):
        publish(tmp_path / "x.json", title="A title", measures=["src/omentum/nothing.py"], tables={"main": TABLE})
    assert "| exact | **19.7** |" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_where_a_result_is_kept_is_asked_before_it_is_measured(tmp_path):
    assert result_file(str(tmp_path / "x.json")) == tmp_path / "x.json"
    for wrong in ("x.md", str(tmp_path / "nowhere" / "x.json")):
        with pytest.raises(argparse.ArgumentTypeError, match="in a folder that exists"):
            result_file(wrong)


@pytest.mark.parametrize("script", sorted((ROOT / "benchmarks").glob("**/*.py")), ids=lambda path: path.stem)
def test_what_a_benchmark_measures_exists(script):
    for node in ast.parse(script.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MEASURES":
            assert all((ROOT / entry).exists() for entry in eval(ast.unparse(node.value)))


def test_commands_name_no_folder_of_one_machine(tmp_path):
    (tmp_path / "abdomen").mkdir()
    (tmp_path / "abdomen" / "ct.nii.gz").touch()
    words = [str(ROOT / "benchmarks/x.py"), str(tmp_path / "abdomen"), str(tmp_path / "abdomen" / "ct.nii.gz")]
    told = facts.command([*words, "exact, torch", "0.5"])
    assert told == 'python benchmarks/x.py .../abdomen .../abdomen/ct.nii.gz "exact, torch" 0.5'


def test_a_path_behind_a_name_is_shortened_too(tmp_path):
    (tmp_path / "abdomen").mkdir()
    ct = tmp_path / "abdomen/ct.nii.gz"
    ct.touch()
    assert facts.portable(f"abdomen:1={ct}") == "abdomen:1=.../abdomen/ct.nii.gz"
    assert facts.portable("demo:2=demo/ct.nii.gz") == "demo:2=demo/ct.nii.gz"
