"""An old key is refused, and the message says which one replaced it."""

import dataclasses

import pytest

from omentum.errors import UsageError
from omentum.train.config.renamed_settings import RENAMED
from omentum.train.config.settings import TrainConfig
from omentum.train.config.toml_file import load_config, parse_settings

SETTINGS = {entry.name for entry in dataclasses.fields(TrainConfig)}


@pytest.mark.parametrize(("old", "new"), sorted(RENAMED.items()))
def test_an_old_key_in_a_file_is_refused_with_the_new_one(old, new, tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(f'{old} = 1\n[[data]]\nfolder = "cases"\n')
    with pytest.raises(UsageError, match=rf"run\.toml: the setting '{old}' was renamed.*'{new}'"):
        load_config(path)


def test_it_is_refused_on_the_command_line_too():
    with pytest.raises(UsageError, match=r"'hold' was renamed.*'plateau_fraction'"):
        load_config("smoke", parse_settings(["hold=0.2"]), ["cases"])


def test_every_new_key_is_a_setting_and_no_old_one_is():
    assert set(RENAMED.values()) <= SETTINGS
    assert not SETTINGS & RENAMED.keys()
