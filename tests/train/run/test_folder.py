"""A folder is one run's, and says whose."""

from __future__ import annotations

import json
import math

import pytest

from omentum.errors import InputError, UsageError
from omentum.spec import CheckpointSpec, ModelSpec, PreprocessSpec
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.run.folder import IDENTITY_FILE, claim, locked
from omentum.train.run.identity import described

NEW = ("mode", "adapter_rank", "prompts", "augmentation", "trainable")
"""Settings that a run of an earlier version may lack."""
RUN = {"config": {"steps": 8, "lr": 0.1}, "classes": ["liver"], "data": {}, "validation": {}}


def test_a_claimed_folder_is_recognised_and_defended(tmp_path):
    claim(tmp_path, RUN)
    claim(tmp_path, RUN)
    other = {**RUN, "config": {"steps": 9, "lr": 0.1}}
    with pytest.raises(UsageError, match="was begun otherwise: steps was 8, is 9"):
        claim(tmp_path, other)


def test_a_setting_that_an_earlier_version_did_not_have_had_its_default(tmp_path):
    config = TrainConfig(data=[DataConfig(folder="cases")])
    now = {**RUN, "config": described(config)}
    claim(tmp_path, {**RUN, "config": {key: value for key, value in now["config"].items() if key not in NEW}})
    claim(tmp_path, now)
    (tmp_path / "other").mkdir()
    claim(tmp_path / "other", {**RUN, "config": {k: v for k, v in now["config"].items() if k not in NEW}})
    with pytest.raises(UsageError, match=r'was begun otherwise: mode was .*, is "plain"'):
        claim(tmp_path / "other", {**RUN, "config": now["config"] | {"mode": "plain"}})


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[1, 2]", b"7"])
def test_a_description_that_cannot_be_read_is_said_in_a_line(tmp_path, content):
    (tmp_path / IDENTITY_FILE).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read") as fault:
        claim(tmp_path, RUN)
    assert IDENTITY_FILE in str(fault.value)
    assert (tmp_path / IDENTITY_FILE).read_bytes() == content


def test_a_description_that_is_a_folder_is_said_in_a_line(tmp_path):
    (tmp_path / IDENTITY_FILE).mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        claim(tmp_path, RUN)


def test_at_most_five_strangers_are_named(tmp_path):
    for name in "gfedcba":
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=r"it holds a, b, c, d, e \(use another -o\)"):
        claim(tmp_path, RUN)


def test_a_folder_is_free_again_when_its_writer_is_done(tmp_path):
    with locked(tmp_path), pytest.raises(UsageError, match="is training into it"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_numbers_that_json_does_not_have_are_texts_and_read_as_earlier_versions_wrote_them(tmp_path):
    identity = {**RUN, "config": described(TrainConfig(data=(DataConfig("x"),), temperature=math.inf))}
    assert identity["config"]["temperature"] == "inf"
    claim(tmp_path, identity)
    text = (tmp_path / IDENTITY_FILE).read_text()
    assert "Infinity" not in text
    (tmp_path / IDENTITY_FILE).write_text(text.replace('"inf"', "Infinity"))
    claim(tmp_path, identity)


def test_a_description_is_strict_json_and_an_earlier_one_is_read():
    spec = CheckpointSpec(ModelSpec("x"), PreprocessSpec(), (), "none", training={"config": {"clip_norm": math.inf}})
    text = spec.to_json()

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(text, parse_constant=refuse)["training"]["config"]["clip_norm"] == "inf"
    assert CheckpointSpec.from_json(text).training == {"config": {"clip_norm": "inf"}}
    earlier = CheckpointSpec.from_json(text.replace('"inf"', "Infinity"))
    assert earlier.training["config"]["clip_norm"] == math.inf
    assert earlier.to_json() == text
