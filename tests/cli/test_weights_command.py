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
    assert facts["classes"][5] == {"key": "liver", "prompt": "A computerized tomography of a Liver"}
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
