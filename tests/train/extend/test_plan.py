"""What an extension settles before training: its settings, prompts and size."""

from __future__ import annotations

from dataclasses import replace

import pytest
from extension_cases import KEY, KNOWN, TOML, WORDS, place  # noqa: F401

from omentum import ExtendOptions
from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError
from omentum.model import read_spec
from omentum.spec import ClassSpec
from omentum.train.config.task import network_settings
from omentum.train.extend import plan
from omentum.train.extend.settings import extension_config, raw_settings
from omentum.train.extend.words import class_specs


def test_data_without_validation_stay_whole(place):  # noqa: F811
    for said, held in (("", 2), ("validation = 0", 0), ("validation = 1", 1)):
        (place / "my.toml").write_text(TOML.replace("validation = 1", said))
        options = ExtendOptions(add=(WORDS,), data=place / "my.toml")
        raw = raw_settings(options)
        parent = place / "parent.safetensors"
        assert extension_config(raw, options, read_spec(parent), parent, (KEY,)).data[0].validation == held


@pytest.mark.parametrize(("protect", "muon_lr", "deep"), [("adapters", 0.02, 1.0), ("distil", 0.005, 0.0)])
def test_training_is_gentle_unless_the_known_structures_cannot_be_harmed(place, protect, muon_lr, deep):  # noqa: F811
    options = ExtendOptions(add=(WORDS,), data=place / "my.toml", protect=protect)
    raw, parent = raw_settings(options), place / "parent.safetensors"
    made = extension_config(raw, options, read_spec(parent), parent, (KEY,))
    assert (made.muon_lr, made.deep_supervision_weight) == (muon_lr, deep)
    told = {**raw, "muon_lr": 0.001, "deep_supervision_weight": 0.5}
    made = extension_config(told, options, read_spec(parent), parent, (KEY,))
    assert (made.muon_lr, made.deep_supervision_weight) == (0.001, 0.5)


def test_new_prompts_follow_the_known_ones(place):  # noqa: F811
    spec = read_spec(place / "parent.safetensors")
    own = replace(spec, classes=tuple(ClassSpec(k, f"CT with {STRUCTURES[k].noun}, axial") for k in KNOWN))
    assert [one.prompt for one in class_specs(("aorta",), own)] == ["CT with aorta, axial"]
    assert network_settings(own)["prompt"] == "CT with {noun}, axial"
    mixed = replace(spec, classes=tuple(ClassSpec(k, f"{n} times") for n, k in enumerate(KNOWN)))
    with pytest.raises(UsageError, match="follow no one template"):
        class_specs(("aorta",), mixed)
    assert "prompt" not in network_settings(mixed)


def test_growth_is_refused_before_words_are_embedded(place, monkeypatch):  # noqa: F811
    monkeypatch.setattr(plan, "embed_like", None)
    options = ExtendOptions(add=(WORDS,), data=place / "my.toml", max_growth=0.001)
    with pytest.raises(UsageError, match="of the network"):
        plan.make_plan(place / "parent.safetensors", place / "new.safetensors", options, overwrite=False)
