"""Every setting is shown with its meaning, and what is shown can be run."""

import dataclasses
import tomllib

import pytest

from omentum.cli import main
from omentum.data.sampling.augmentation import Augmentation
from omentum.train.config.case_collections import DataConfig, PairConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.config.toml_file import load_config, parse_settings
from omentum.train.run.show import meanings, shown


@pytest.mark.parametrize("kind", [TrainConfig, Augmentation, DataConfig, PairConfig])
def test_every_setting_has_a_meaning(kind):
    told = meanings(kind)
    assert set(told) == {field.name for field in dataclasses.fields(kind)}
    assert all(len(meaning.split()) > 1 for meaning in told.values())


@pytest.mark.parametrize("preset", ["compact", "published", "smoke"])
def test_what_is_shown_is_a_file_that_makes_the_same_run(preset, tmp_path):
    settings = parse_settings(["lr=3e-4", 'classes=["liver", "\\"x\\""]', "datasets.lits.centres=[1, 1, 5]"])
    text = shown(preset, settings, [tmp_path / "cases"])
    (tmp_path / "run.toml").write_text(text)
    assert load_config(tmp_path / "run.toml") == load_config(preset, settings, [tmp_path / "cases"])
    assert "\nlr = 0.0003  # default: 0.002\n" in text


def test_without_anything_the_defaults_are_shown(capsys):
    assert main(["train", "--show"]) == 0
    text = capsys.readouterr().out
    assert "# default:" not in text
    assert "# Optimiser steps of the whole run.\nsteps = 1000\n" in text
    assert 'folder" = "CASES"' in next(line for line in text.splitlines() if line.startswith("# data = "))
    raw = tomllib.loads(text)
    assert {*raw, "data"} == {field.name for field in dataclasses.fields(TrainConfig)}


def test_a_setting_that_there_is_none_of_is_named_here_too(capsys):
    assert main(["train", "smoke", "--show", "--set", "lrr=1"]) == 2
    assert "unknown setting 'lrr' (did you mean 'lr'?)" in capsys.readouterr().err
    assert main(["train"]) == 2
    assert "needs a configuration (a TOML file or one of compact, published, smoke, " in capsys.readouterr().err
