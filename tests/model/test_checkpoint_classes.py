"""What a checkpoint says of its classes: thresholds, smallest volumes, trust, and structures of a user."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from bad_checkpoints import rewritten
from own_structures import LESION, PAIR, included
from safetensors.torch import load_file
from small_models import small_model

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_rows import carried_rows
from omentum.errors import CheckpointError, UsageError
from omentum.model import load_checkpoint, read_spec, save_checkpoint
from omentum.model.checkpoint import save_with_thresholds, save_with_trust
from omentum.model.safetensors_file import read_header
from omentum.model.state import state_sha256
from omentum.spec import ClassSpec, Trust


def test_thresholds_come_back_and_only_unusual_ones_are_said(model, saved, tmp_path):
    assert '"threshold"' not in model.spec.to_json()  # what earlier versions can read they shall
    assert set(read_spec(saved).thresholds.values()) == {0.5}
    save_with_thresholds(tmp_path / "new.safetensors", saved, {"liver_tumour": 0.3})
    loaded = load_checkpoint(tmp_path / "new.safetensors")
    assert loaded.spec.thresholds == {"liver": 0.5, "spleen": 0.5, "liver_tumour": 0.3}
    assert state_sha256(loaded.state_dict()) == state_sha256(load_checkpoint(saved).state_dict())


def test_half_precision_stays_half_precision(model, tmp_path):
    save_checkpoint(tmp_path / "half.safetensors", model, torch.float16)
    save_with_thresholds(tmp_path / "new.safetensors", tmp_path / "half.safetensors", {"liver": 0.7})
    old, new = (load_file(tmp_path / f"{name}.safetensors") for name in ("half", "new"))
    assert all(torch.equal(new[name], tensor) and new[name].dtype == tensor.dtype for name, tensor in old.items())


@pytest.mark.parametrize("threshold", [0, 1, 1.5, -0.1, "0.3", None])
def test_a_threshold_that_cannot_be_is_told_with_the_file(threshold, saved):
    described = json.loads(read_header(saved).metadata["omentum"])
    described["classes"][0]["threshold"] = threshold
    rewritten(saved, lambda _: None, {"omentum": json.dumps(described)})
    with pytest.raises(CheckpointError, match="description cannot be read") as fault:
        read_spec(saved)
    assert fault.value.source == str(saved)


def test_a_smallest_volume_is_kept_and_needs_the_version_that_knows_it(saved, tmp_path, model):
    key = model.spec.class_keys[0]
    save_with_thresholds(tmp_path / "m.safetensors", saved, {}, {key: 0.25})
    spec = read_spec(tmp_path / "m.safetensors")
    assert spec.minimum_ml == {key: 0.25}
    assert spec.thresholds == model.spec.thresholds
    description = json.loads(read_header(tmp_path / "m.safetensors").metadata["omentum"])
    assert description["format"] == 5
    assert [c["minimum_ml"] for c in description["classes"] if "minimum_ml" in c] == [0.25]
    strange = json.dumps(description).replace("0.25", "-1")
    rewritten(tmp_path / "m.safetensors", lambda state: None, {"omentum": strange})
    with pytest.raises(CheckpointError, match="smallest volume"):
        read_spec(tmp_path / "m.safetensors")


def test_trust_is_kept_and_needs_the_version_that_knows_it(saved, tmp_path, model):
    keys = model.spec.class_keys
    save_with_trust(tmp_path / "t.safetensors", saved, {keys[0]: Trust.WEAK}, "three cases")
    spec = read_spec(tmp_path / "t.safetensors")
    assert spec.trust == dict.fromkeys(keys, Trust.UNKNOWN) | {keys[0]: Trust.WEAK}
    assert spec.training["trust_from"] == "three cases"
    description = json.loads(read_header(tmp_path / "t.safetensors").metadata["omentum"])
    assert (description["format"], [c["trust"] for c in description["classes"] if "trust" in c]) == (3, ["weak"])
    strange = json.dumps(description).replace('"weak"', '"superb"')
    rewritten(tmp_path / "t.safetensors", lambda state: None, {"omentum": strange})
    with pytest.raises(CheckpointError, match="'superb' is not a valid Trust"):
        read_spec(tmp_path / "t.safetensors")


def with_own(folder: Path) -> Path:
    """A checkpoint whose second class is a user's."""
    included(folder)
    model = small_model()
    classes = (model.spec.classes[0], ClassSpec(LESION, "a sarcoma"), model.spec.classes[2])
    model.spec = dataclasses.replace(model.spec, classes=classes, structures=carried_rows(c.key for c in classes))
    save_checkpoint(folder / "own.safetensors", model)
    return folder / "own.safetensors"


def test_structures_of_a_user_come_along_with_hosts_and_pairs(tmp_path):
    path = with_own(tmp_path)
    rows = {key: STRUCTURES[key] for key in (LESION, *PAIR)}
    STRUCTURES.reset()
    spec = read_spec(path)
    assert spec.class_keys == ("liver", LESION, "liver_tumour")
    assert {key: STRUCTURES[key] for key in rows} == rows
    assert "vertebra_L1" not in STRUCTURES
    assert load_checkpoint(path).spec == spec


def test_a_checkpoint_without_own_structures_is_as_earlier_versions_read_it(saved):
    description = json.loads(read_header(saved).metadata["omentum"])
    assert description["format"] == 1
    assert "structures" not in description


def test_a_class_that_nobody_describes_is_told(tmp_path):
    path = with_own(tmp_path)
    description = json.loads(read_header(path).metadata["omentum"])
    assert description["format"] == 2
    rewritten(path, lambda state: None, {"omentum": json.dumps(description | {"structures": {}})})
    STRUCTURES.reset()
    with pytest.raises(CheckpointError, match="has classes that it does not describe: gluteus_sarcoma"):
        load_checkpoint(path)


def test_another_meaning_of_a_known_structure_is_refused(tmp_path):
    path = with_own(tmp_path)
    STRUCTURES.reset()
    included(tmp_path, f"[{LESION}]\nkind = 'cyst'\nhosts = ['liver']")
    with pytest.raises(UsageError, match=r"own\.safetensors: gluteus_sarcoma: is defined already, and otherwise"):
        load_checkpoint(path)
