"""Configurations with [[regions]]: read, shown, and refused in one line."""

import dataclasses
from pathlib import Path

import pytest

from omentum.cli import main
from omentum.errors import UsageError
from omentum.train.run.show import meanings, settings_toml
from omentum.train.second_pass.settings import RegionConfig, SecondPassConfig
from omentum.train.second_pass.toml_file import is_second_pass, load_second_pass

RECIPES = Path(__file__).parents[3] / "recipes/default"
DATA = '[[data]]\nfolder = "cases"\n'
REGION = '[[regions]]\norgans = ["liver"]\nclasses = ["liver tumour"]\n'


def write(folder, text):
    (folder / "run.toml").write_text(text)
    return folder / "run.toml"


def test_a_file_is_read(tmp_path):
    seen = "window_hu = [-300, 1500]\nmedian_above_hu = -200\n"
    path = write(tmp_path, f"steps = 7\nlr = 1\n{DATA}{REGION}margin_mm = 5\napart = true\n{seen}")
    config = load_second_pass(path, {"seed": 4})
    assert (config.steps, config.lr, config.seed, config.init) == (7, 1.0, 4, "default")
    assert config.data[0].folder == str(tmp_path / "cases")
    (region,) = config.region_specs
    assert (region.organs, region.classes, region.margin_mm, region.apart) == (("liver",), ("liver_tumour",), 5.0, True)
    assert (region.window_hu, region.median_above_hu) == ((-300.0, 1500.0), -200.0)
    (other,) = load_second_pass(write(tmp_path, REGION), data=[tmp_path / "more"]).data
    assert other.folder == str(tmp_path / "more")
    assert is_second_pass(path)
    assert not is_second_pass("smoke")


@pytest.mark.parametrize(
    ("name", "classes"), [("4_second_pass", 21), ("5_second_pass_longer", 24), ("6_second_pass_all_organs", 30)]
)
def test_the_recipes_are_read(name, classes):
    config = load_second_pass(RECIPES / f"{name}.toml")
    assert is_second_pass(RECIPES / f"{name}.toml")
    assert (config.spacing_mm, config.patch, config.crop) == ((2.5,) * 3, (64,) * 3, (48,) * 3)
    assert sum(region.weight for region in config.regions) == pytest.approx(1)
    assert len([key for region in config.region_specs for key in region.classes]) == classes


@pytest.mark.parametrize("kind", [RegionConfig, SecondPassConfig])
def test_every_setting_has_a_meaning(kind):
    assert set(meanings(kind)) == {field.name for field in dataclasses.fields(kind)}


def test_what_is_shown_makes_the_same_run(tmp_path, capsys):
    path = write(tmp_path, f"steps = 7\n{DATA}{REGION}")
    assert main(["train", str(path), "--show", "--set", "lr=1e-3"]) == 0
    text = capsys.readouterr().out
    assert "lr = 0.001  # default: 0.002\n" in text
    shown = load_second_pass(write(tmp_path, text))
    assert shown == load_second_pass(write(tmp_path, f"steps = 7\nlr = 1e-3\n{DATA}{REGION}"))
    assert settings_toml(shown) == text.rstrip("\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (REGION, "nothing to train on"),
        (f"regions = []\n{DATA}", "nothing to look for"),
        (f'{DATA}[[regions]]\norgans = ["liver"]\n', r"classes in \[\[regions\]\] are names of structures"),
        (f'{DATA}[[regions]]\norgans = "liver"\nclasses = ["x"]\n', "organs is a tuple, got 'liver'"),
        (f"{DATA}{REGION}margin_mm = -1.0\n", "margin_mm in .* is 0 or more"),
        (f"{DATA}{REGION}weight = 0.0\n", "weight in .* must be above 0"),
        (f"{DATA}{REGION}margin = 3.0\n", r"unknown setting 'margin' in \[\[regions\]\] \(did you mean 'margin_mm'\?"),
        (f"{DATA}validation = 2\n{REGION}", "all of them trained on"),
        (f'[[data]]\nstore = "store"\n{REGION}', "all of them trained on"),
        (f"crop = [48, 0, 48]\n{DATA}{REGION}", "crop takes numbers of voxels"),
        (f"positive_weight_cap = 0.5\n{DATA}{REGION}", "positive_weight_cap must be at least 1"),
        (f"foreground_probability = 2.0\n{DATA}{REGION}", "foreground_probability must lie between 0 and 1"),
        (f"seed = 9223372036854775808\n{DATA}{REGION}", "seed must be below"),
        (f'init = ""\n{DATA}{REGION}', "init is empty"),
        (f"organs_per_step = 3\n{DATA}{REGION}", "unknown setting 'organs_per_step'"),
        ("[[regions]\n", "run.toml"),
    ],
)
def test_bad_settings_are_refused_by_name(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        load_second_pass(write(tmp_path, text))


def test_a_class_has_one_region_whatever_it_is_called():
    regions = (RegionConfig(("liver",), ("liver tumour",)), RegionConfig(("spleen",), ("liver_tumour",)))
    config = SecondPassConfig(data=load_second_pass(RECIPES / "4_second_pass.toml").data, regions=regions)
    with pytest.raises(UsageError, match=r"several .* look for liver_tumour"):
        config.region_specs  # noqa: B018


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "needs a folder for the run"),
        (["-o", "run", "--dry-run"], "without --dry-run"),
        (["-o", "run", "--fold", "0"], "without --split, --fold or --part"),
        (["-o", "run", "--classes", "liver"], "without --classes"),
        (["-o", "run", "--set", "steps=0"], "steps must be at least 1"),
        (["-o", "run", "--init", "nothing.safetensors"], "nothing.safetensors"),
        (["-o", "run"], "cases: no usable cases"),
    ],
)
def test_the_command_line_refuses_in_one_line(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, DATA + REGION)
    assert main(["train", "run.toml", *options]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
