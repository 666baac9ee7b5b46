import json

import numpy as np
import pytest
import typer
from toy_cases import SPACING_3MM, toy_volume
from typer.testing import CliRunner

from omentum.cli.data import prepare as prepare_command
from omentum.cli.data import stats as stats_command
from omentum.cli.exit_codes import SOME_FAILED
from omentum.data.sampling.load_store import check_store
from omentum.data.store.store import Store
from omentum.errors import InputError, UsageError
from omentum.io.nifti import read_volume, write_volume
from omentum.train.config.toml_file import load_config
from omentum.volume import Volume

RECIPE = """
title = "Livers of nobody"
licence = "CC0-1.0"
patient = "nobody-{id}"
annotated = ["liver", "liver_tumour"]
[[layout]]
image = "images/{id}.nii.gz"
labels = "labels/{id}.nii.gz"
[values]
1 = ["liver"]
2 = ["liver", "liver_tumour"]
"""


def run(*arguments):
    app = typer.Typer()
    app.command()(prepare_command.prepare)
    app.command()(stats_command.stats)
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def raw(tmp_path):
    """A recipe and a folder with two cases, the argument that names them, and where they are."""
    (tmp_path / "livers.toml").write_text(RECIPE)
    for number in "12":
        ct, truth = toy_volume(int(number))
        labels = truth.mask("liver").astype(np.uint8) + truth.mask("liver_tumour")
        write_volume(tmp_path / "raw" / "images" / f"{number}.nii.gz", ct)
        write_volume(tmp_path / "raw" / "labels" / f"{number}.nii.gz", Volume(labels, SPACING_3MM))
    return f"{tmp_path / 'livers.toml'}={tmp_path / 'raw'}"


def prepare(raw, out, *more):
    return run("prepare", "--dataset", raw, "-o", out, "--spacing", 3, *more)


def test_a_dataset_becomes_a_store(raw, tmp_path):
    result = prepare(raw, tmp_path / "store")
    assert result.exit_code == 0
    assert "2 cases: 2 prepared, 0 up to date, 0 failed" in result.stdout
    store = Store.open(tmp_path / "store")
    assert [case.name for case in store.cases] == ["livers_1", "livers_2"]
    assert set(store.cases[0].annotated) == {"liver", "liver_tumour"}
    assert store.manifest["datasets"]["livers"]["title"] == "Livers of nobody"
    assert "0 prepared, 2 up to date" in prepare(raw, tmp_path / "store").stdout


def test_a_bad_case_is_told_and_the_rest_prepared(raw, tmp_path):
    (tmp_path / "raw" / "images" / "1.nii.gz").write_bytes(b"\x1f\x8bno")
    result = prepare(raw, tmp_path / "store", "--quiet")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "error: " in result.stderr
    assert "1.nii.gz" in result.stderr
    assert [case.name for case in Store.open(tmp_path / "store").cases] == ["livers_2"]


def test_statistics_as_tables_json_and_picture(raw, tmp_path):
    prepare(raw, tmp_path / "store")
    picture, as_json = tmp_path / "matrix.png", tmp_path / "stats.json"
    result = run("stats", tmp_path / "store", "--picture", picture, "--json-file", as_json)
    assert result.exit_code == 0
    assert "livers" in result.stdout
    assert "Liver" in result.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    liver = json.loads(as_json.read_text())["together"]["structures"]["liver"]
    assert (liver["annotated"], liver["present"]) == (2, 2)


@pytest.mark.parametrize("named", ["lits", "lits=", "=folder", ""])
def test_a_dataset_is_a_name_and_a_folder(named, tmp_path):
    with pytest.raises(UsageError, match="is not NAME=FOLDER"):
        prepare(named, tmp_path / "store")


def test_an_unknown_dataset_is_answered_with_a_guess(tmp_path):
    with pytest.raises(UsageError, match="did you mean 'lits'"):
        prepare(f"litz={tmp_path}", tmp_path / "store")


def test_a_label_that_the_recipe_does_not_know_is_named_and_may_be_said_to_mean_nobody_looked(raw, tmp_path):
    labels = tmp_path / "raw/labels/1.nii.gz"
    native = read_volume(labels).voxels.astype(np.int16)
    native[native == 2] = -1
    native[:3, :3, :3] = 255
    write_volume(labels, Volume(native, SPACING_3MM))
    result = prepare(raw, tmp_path / "store")
    assert result.exit_code == 0
    (told,) = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert told.startswith(f"warning: {labels}: unknown values within")
    assert "-1 (" in told
    assert "255 (27 voxels)" in told
    assert "(say in the recipe what they are: [values], ignored or not_annotated)" in told
    (tmp_path / "livers.toml").write_text(f"not_annotated = [255, -1]\n{RECIPE}")
    assert "warning" not in prepare(raw, tmp_path / "store").stderr
    annotated = {case.name: case.annotated for case in Store.open(tmp_path / "store").cases}
    assert annotated == {"livers_1": (), "livers_2": ("liver", "liver_tumour")}


def test_images_with_an_offset_name_a_remedy_that_exists(raw, tmp_path):
    for path in (tmp_path / "raw/images").iterdir():
        ct = read_volume(path)
        write_volume(path, Volume((ct.voxels.clip(-1024) + 1024).astype(np.int16), ct.affine))
    result = prepare(raw, tmp_path / "store")
    assert result.exit_code == SOME_FAILED
    assert "say hu_offset = -1024 in the recipe" in result.stderr
    (tmp_path / "livers.toml").write_text(f"hu_offset = -1024\n{RECIPE}")
    assert prepare(raw, tmp_path / "store").exit_code == 0


def test_a_store_is_prepared_for_a_run(raw, tmp_path):
    """What one command makes, the other takes."""
    assert run("prepare", "--dataset", raw, "-o", tmp_path / "store", "--for", "compact").exit_code == 0
    made = Store.open(tmp_path / "store").manifest["options"]
    preset = load_config("compact", data=[tmp_path / "store"])
    assert (tuple(made["spacing_mm"]), made["antialias"]) == (preset.spacing_mm, preset.antialias)
    check_store(tmp_path / "store", preset.preprocess)
    with pytest.raises(InputError, match=r"was prepared for 3 x 3 x 3 mm RAS smoothed first, not 1.5") as fault:
        check_store(tmp_path / "store", load_config("published", data=[tmp_path / "store"]).preprocess)
    assert "train with spacing_mm = [3.0, 3.0, 3.0], antialias = true, or prepare another" in str(fault.value)
    assert "omentum data prepare --for PRESET" in str(fault.value)
    (tmp_path / "run.toml").write_text('preset = "smoke"\nspacing_mm = [4, 4, 5]\nantialias = false\n')
    assert run("prepare", "--dataset", raw, "-o", tmp_path / "own", "--for", tmp_path / "run.toml").exit_code == 0
    made = Store.open(tmp_path / "own").manifest["options"]
    assert (made["spacing_mm"], made["antialias"]) == ([4.0, 4.0, 5.0], False)


@pytest.mark.parametrize("more", [("--spacing", "3"), ("--antialias",)])
def test_a_grid_is_said_once(raw, tmp_path, more):
    with pytest.raises(UsageError, match="--for says the grid"):
        run("prepare", "--dataset", raw, "-o", tmp_path / "store", "--for", "compact", *more)
