from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from file_server import Site, serving
from hollow_files import save_hollow
from omentum.cli.weights import app
from omentum.errors import UsageError
from omentum.model.catalogue import catalogue, find

NAME = "clip-universal-unet"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path / "home"))


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_list_names_everything_with_its_licence():
    rows = json.loads(run("list", "--json").stdout)
    assert {row["name"] for row in rows} == set(catalogue())
    assert not next(row for row in rows if row["name"] == NAME)["here"]
    assert "CC-BY-NC-ND-4.0" in run("list").stdout


def test_import_writes_a_checkpoint_that_info_describes(tmp_path):
    published, output = save_hollow(tmp_path / "published.pth"), tmp_path / "m.safetensors"
    result = run("import", published, "-o", output)
    assert "unet, 32 classes" in result.stdout
    assert "order of its classes" in result.stderr

    facts = json.loads(run("info", output, "--json").stdout)
    assert facts["model"]["backbone"] == "unet"
    assert facts["numbers"] == 19_416_417 + 32 * 512
    prompt = "A computerized tomography of a Liver"
    assert facts["classes"][5] == {"key": "liver", "prompt": prompt, "threshold": 0.5}
    assert "liver" in run("info", output).stdout

    with pytest.raises(UsageError, match=r"exists already.*--overwrite"):
        run("import", published, "-o", output)
    assert run("import", published, "-o", output, "--overwrite").exit_code == 0


def test_import_writes_safetensors_only(tmp_path):
    with pytest.raises(UsageError, match=r"\.safetensors"):
        run("import", tmp_path / "a.pth", "-o", tmp_path / "b.pth")


def test_info_knows_weights_that_are_not_here_yet():
    facts = json.loads(run("info", NAME, "--json").stdout)
    assert facts["here"] is False
    assert "non-commercial" in facts["terms"]


def test_pull_shows_the_licence_and_wants_it_accepted(tmp_path, monkeypatch):
    content = save_hollow(tmp_path / "published.pth").read_bytes()
    with serving(Site(content)) as site:
        monkeypatch.setitem(catalogue(), NAME, dataclasses.replace(find(NAME), address=site.address))
        with pytest.raises(UsageError, match="--accept-licence"):
            run("pull", NAME)
        result = run("pull", NAME, "--accept-licence")
        assert "warning: " in result.stderr
        assert "NonCommercial-NoDerivatives" in result.stderr
        assert "sha256" in result.stderr
        assert Path(result.stdout.strip()).is_file()
        assert run("pull", NAME).exit_code == 0
        assert len(site.asked) == 1


def test_a_threshold_is_written_into_new_weights(tmp_path):
    published, old, new = save_hollow(tmp_path / "p.pth"), tmp_path / "old.safetensors", tmp_path / "new.safetensors"
    run("import", published, "-o", old)
    told = run("set-threshold", old, "0.4", "kidneys=0.3", "liver tumor=0.25", "-o", new).stdout
    assert "right_kidney 0.3" in told
    before, after = (json.loads(run("info", path, "--json").stdout) for path in (old, new))
    assert {c["threshold"] for c in before["classes"]} == {0.5}
    found = {c["key"]: c["threshold"] for c in after["classes"]}
    assert (found["left_kidney"], found["liver_tumour"], found["liver"]) == (0.3, 0.25, 0.4)
    assert (after["numbers"], after["stored_as"]) == (before["numbers"], before["stored_as"])
    assert "(where its probability is above 0.25)" in run("info", new).stdout
    assert "(where" not in run("info", old).stdout
    with pytest.raises(UsageError, match=r"exists already.*--overwrite"):
        run("set-threshold", old, "0.4", "-o", new)


@pytest.mark.parametrize(
    ("thresholds", "match"),
    [
        (["1.5"], "threshold 1.5 of all is not between 0 and 1"),
        (["liver=0"], "threshold 0.0 of liver is not between 0 and 1"),
        (["liver=nan"], "threshold nan of liver is not between"),
        (["liver"], "'liver' is no threshold"),
        (["=0.3"], "names no structure"),
        (["livre=0.3"], "unknown structure 'livre'"),
    ],
)
def test_what_is_no_threshold_is_refused(thresholds, match, tmp_path):
    published, old = save_hollow(tmp_path / "p.pth"), tmp_path / "old.safetensors"
    run("import", published, "-o", old)
    with pytest.raises(UsageError, match=match):
        run("set-threshold", old, *thresholds, "-o", tmp_path / "new.safetensors")
    assert not (tmp_path / "new.safetensors").exists()
