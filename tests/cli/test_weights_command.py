from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from file_server import Site, serving
from hollow_files import save_hollow
from small_models import small_model
from typer.testing import CliRunner, Result

from omentum.cli.weights import app
from omentum.cli.weights.commands import LONGEST
from omentum.errors import OmentumError, OutputError, UsageError
from omentum.model.catalogue import catalogue, find
from omentum.model.checkpoint import read_spec, save_checkpoint

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
    rows = json.loads(run("list", "--json").stdout)["weights"]
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
    liver = {"key": "liver", "prompt": prompt, "threshold": 0.5, "trust": "unknown", "minimum_ml": 0.0}
    assert facts["classes"][5] == liver
    assert "liver" in run("info", output).stdout

    with pytest.raises(OutputError, match=r"exists already.*--overwrite"):
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
    with pytest.raises(OutputError, match=r"exists already.*--overwrite"):
        run("set-threshold", old, "0.4", "-o", new)


def test_smallest_volumes_are_written_into_new_weights(tmp_path):
    published, old, new = save_hollow(tmp_path / "p.pth"), tmp_path / "old.safetensors", tmp_path / "new.safetensors"
    run("import", published, "-o", old)
    command = ("set-threshold", old, "liver tumor=0.25", "--minimum-ml", "kidney_tumour=0.2", "-o")
    told = run(*command, new, "--minimum-ml", "kidney_tumour=0.3").stdout
    assert "kidney_tumour from 0.3 ml" in told
    after = json.loads(run("info", new, "--json").stdout)
    assert {c["key"]: c["minimum_ml"] for c in after["classes"] if c["minimum_ml"]} == {"kidney_tumour": 0.3}
    assert "(from 0.3 ml)" in run("info", new).stdout
    for wrong in ("kidney_tumour", "kidney_tumour=-1", "=0.3", "kidney_tumour=much"):
        with pytest.raises(UsageError, match="smallest volume"):
            run(*command, tmp_path / "none.safetensors", "--minimum-ml", wrong)
    assert not (tmp_path / "none.safetensors").exists()


def test_widened_weights_are_written(tmp_path):
    out = tmp_path / "wide.safetensors"
    assert "32 decoded channels" in run("widen", "default", "-o", out).stdout
    model = json.loads(run("info", out, "--json").stdout)["model"]
    assert (model["parameters"]["decoded_channels"], model["head_channels"]) == (32, 16)
    with pytest.raises(OutputError, match=r"exists already.*--overwrite"):
        run("widen", "default", "-o", out)
    with pytest.raises(UsageError, match="cannot be normalised"):
        run("widen", "default", "--decoded-channels", "24", "-o", tmp_path / "odd.safetensors")


def test_some_classes_are_taken_from_a_specialist(tmp_path):
    model = small_model("residual_unet")
    save_checkpoint(tmp_path / "old.safetensors", model)
    with torch.no_grad():
        model.head.controller.bias += 0.1
    save_checkpoint(tmp_path / "mine.safetensors", model)
    out = tmp_path / "both.safetensors"
    files = (tmp_path / "old.safetensors", tmp_path / "mine.safetensors")
    assert "liver_tumour from" in run("specialise", *files, "liver tumour", "-o", out).stdout
    assert read_spec(out).adapters[0].classes == ("liver_tumour",)
    with pytest.raises(OutputError, match="is also the input"):
        run("specialise", *files, "liver tumour", "-o", files[1], "--overwrite")


def scores(**structures) -> str:
    return json.dumps({"summary": {"structures": structures}})


def organ(mean: float, n: int = 5) -> dict:
    return {"dice": {"n": n, "mean": mean}, "lesions": None}


def lesion(found: int, missed: int, false: int) -> dict:
    counts = {"true_positives": found, "false_negatives": missed, "false_positives": false}
    return {"dice": {"n": 5, "mean": 0.2}, "lesions": counts}


def test_trust_is_written_into_new_weights_by_scores_and_by_words(tmp_path):
    published, old, new = save_hollow(tmp_path / "p.pth"), tmp_path / "old.safetensors", tmp_path / "new.safetensors"
    run("import", published, "-o", old)
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    one.write_text(scores(liver=organ(0.9), kidneys=organ(0.8), colon=organ(0.3), aorta=organ(0.9), spleen=organ(0.9)))
    two.write_text(scores(liver=organ(0.7), liver_tumour=lesion(0, 12, 0), spleen=organ(0.1, 2)))
    command = ("set-trust", old, "colon=not-found", "--scores", one, "--scores", two, "-o", new)
    told = run(*command).stdout
    assert "right_kidney reliable" in told
    before, after = (json.loads(run("info", path, "--json").stdout) for path in (old, new))
    assert {c["trust"] for c in before["classes"]} == {"unknown"}
    found = {c["key"]: c["trust"] for c in after["classes"]}
    assert [found[key] for key in ("liver", "left_kidney", "colon", "aorta", "spleen", "liver_tumour", "stomach")] == [
        *("weak", "reliable", "not found", "reliable", "reliable", "not found", "unknown")
    ]
    assert after["training"]["trust_from"] == "one.json, two.json"
    assert (after["numbers"], after["stored_as"]) == (before["numbers"], before["stored_as"])
    assert "liver_tumour            not found  A comp" in run("info", new).stdout
    with pytest.raises(OutputError, match=r"exists already.*--overwrite"):
        run(*command)
    for command in (("set-trust", new, "weak"), ("set-threshold", new, "0.4")):
        with pytest.raises(OutputError, match="is also the input"):
            run(*command, "-o", new, "--overwrite")
    again = run("set-trust", new, "unknown", "liver=reliable", "--because", "hearsay", "-o", old, "--overwrite").stdout
    assert "liver reliable" in again
    after = json.loads(run("info", old, "--json").stdout)
    assert after["training"]["trust_from"] == "hearsay"
    assert {c["key"] for c in after["classes"] if c["trust"] != "unknown"} == {"liver"}


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ([], "neither words nor scores"),
        (["liver=good"], "'good' says nothing of trust .*reliable, unknown, weak, not found"),
        (["=weak"], "names no structure"),
        (["livre=weak"], "unknown structure 'livre'"),
        (["--scores", "none.json"], "No such file"),
        (["--scores", "other.json"], "other.json: holds no scores"),
    ],
)
def test_what_says_nothing_of_trust_is_refused(arguments, match, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("other.json").write_text('{"summary": [1]}')
    run("import", save_hollow(tmp_path / "p.pth"), "-o", "old.safetensors")
    with pytest.raises(OmentumError, match=match):
        run("set-trust", "old.safetensors", *arguments, "-o", "new.safetensors")
    assert not Path("new.safetensors").exists()


def test_info_has_a_line_for_each_fact(tmp_path):
    lines = run("info", "default").stdout.splitlines()
    assert "  spacing_mm: [3.0, 3.0, 3.0]" in lines
    assert max(map(len, lines)) < LONGEST + 40  # with its name


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
