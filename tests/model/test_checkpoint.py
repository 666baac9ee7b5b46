from __future__ import annotations

import dataclasses
import json
import pickle
import time
from pathlib import Path

import pytest
import torch
from bad_checkpoints import BOMBS, DISGUISES, bomb_file
from hypothesis import given
from hypothesis import strategies as st
from own_structures import LESION, PAIR, included
from safetensors.torch import load_file, save_file
from small_models import small_model, small_spec

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_rows import carried_rows
from omentum.errors import CheckpointError, OutputError, UsageError
from omentum.model import BACKBONES, UniversalModel, load_checkpoint, read_spec, save_checkpoint
from omentum.model.checkpoint import save_with_thresholds, save_with_trust
from omentum.model.safetensors_file import read_header
from omentum.model.state import state_sha256
from omentum.spec import ClassSpec, Trust


@pytest.fixture(scope="module")
def model() -> UniversalModel:
    return small_model()


@pytest.fixture
def saved(model: UniversalModel, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, model)
    return path


def rewritten(path: Path, change, metadata=None) -> Path:
    """The checkpoint with its tensors changed and, so that only that is wrong, a checksum that fits."""
    state = load_file(path)
    change(state)
    stored = {**read_header(path).metadata, **(metadata or {}), "tensors_sha256": state_sha256(state)}
    save_file(state, path, metadata=stored)
    return path


@pytest.mark.parametrize("backbone", BACKBONES)
def test_saving_and_loading_keeps_every_number_and_the_description(backbone, tmp_path):
    model = small_model(backbone)
    save_checkpoint(tmp_path / "m.safetensors", model)
    loaded = load_checkpoint(tmp_path / "m.safetensors")
    assert loaded.spec == model.spec == read_spec(tmp_path / "m.safetensors")
    assert not loaded.training
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(loaded.state_dict()[name], t) for name, t in model.state_dict().items())


def test_tensors_that_are_one_are_written_each(tmp_path):
    model = small_model()
    model.head.image_feature[3].bias = model.head.text_feature.bias
    save_checkpoint(tmp_path / "m.safetensors", model)
    loaded = load_checkpoint(tmp_path / "m.safetensors")
    assert all(torch.equal(loaded.state_dict()[name], t) for name, t in model.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_halves_the_file_and_loads_as_float32(model, dtype, tmp_path, saved):
    half = tmp_path / "half.safetensors"
    save_checkpoint(half, model, dtype)
    loaded = load_checkpoint(half)
    assert half.stat().st_size < 0.6 * saved.stat().st_size
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    assert torch.equal(loaded.text_embeddings, model.text_embeddings.to(dtype).float())


def test_a_number_that_float16_cannot_hold_is_not_saved(tmp_path):
    model = small_model()
    model.text_embeddings[0, 0] = 1e6
    with pytest.raises(CheckpointError, match="text_embeddings"):
        save_checkpoint(tmp_path / "m.safetensors", model, torch.float16)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_nothing_behind(model, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        save_checkpoint(tmp_path / "nowhere" / "m.safetensors", model)


@pytest.mark.parametrize("kind", DISGUISES)
def test_other_files_are_recognised_and_never_opened(kind, tmp_path):
    content, message = DISGUISES[kind]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message) as fault:
        load_checkpoint(path)
    assert str(fault.value).startswith(f"{path}: ")


def test_an_exploit_is_not_run(tmp_path):
    class Exploit:
        def __reduce__(self):
            return Path.touch, (tmp_path / "owned",)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "m.safetensors").write_bytes(pickle.dumps(Exploit(), protocol))
        with pytest.raises(CheckpointError):
            load_checkpoint(tmp_path / "m.safetensors")
    assert not (tmp_path / "owned").exists()


@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(cut, tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / "m.safetensors"
    save_checkpoint(path, small_model())
    content = path.read_bytes()
    path.write_bytes(content[: int(cut * len(content))])
    with pytest.raises(CheckpointError):
        load_checkpoint(path)


def test_one_changed_bit_is_noticed(saved):
    content = bytearray(saved.read_bytes())
    content[-1000] ^= 1
    saved.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"expected sha256 [0-9a-f]{64} .* got [0-9a-f]{64}"):
        load_checkpoint(saved)


@pytest.mark.parametrize("kind", BOMBS)
def test_an_impossible_header_is_refused_fast(kind, tmp_path):
    path = bomb_file(tmp_path / "m.safetensors", kind)
    start = time.monotonic()
    with pytest.raises(CheckpointError, match=BOMBS[kind][1]):
        load_checkpoint(path)
    assert time.monotonic() - start < 2


def test_a_description_that_asks_for_a_giant_is_refused_without_building_it(saved):
    spec = small_spec("unet", width=10**6)
    with pytest.raises(CheckpointError, match="misshapen"):
        load_checkpoint(rewritten(saved, lambda state: None, {"omentum": spec.to_json()}))


def test_missing_and_unexpected_tensors_are_counted_and_listed(saved):
    def change(state):
        for name in [n for n in state if n.startswith("backbone.down.0")]:
            state[f"old_{name}"] = state.pop(name)

    with pytest.raises(
        CheckpointError, match=r"8 missing: backbone\.down\.0\.0\.bias, .* and 3 more; 8 unexpected: old_"
    ) as fault:
        load_checkpoint(rewritten(saved, change))
    assert str(fault.value).count("old_backbone") == 5


def test_a_misshapen_tensor_is_named_with_both_shapes(saved):
    def change(state):
        state["head.controller.bias"] = torch.zeros(154)

    with pytest.raises(CheckpointError, match=r"head.controller.bias should be \(153,\) and is \(154,\)"):
        load_checkpoint(rewritten(saved, change))


def test_other_text_embeddings_are_told_in_words(saved):
    def change(state):
        state["text_embeddings"] = torch.zeros(3, 37)

    with pytest.raises(CheckpointError, match=r"3 x 37 \(classes x width\).* need 3 x 12"):
        load_checkpoint(rewritten(saved, change))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_found(saved, value):
    def change(state):
        state["head.controller.weight"][3, 4] = value

    with pytest.raises(CheckpointError, match=r"NaN or infinite numbers: head\.controller\.weight"):
        load_checkpoint(rewritten(saved, change))


def test_classes_in_another_order_are_refused(saved):
    raw = json.loads(read_header(saved).metadata["omentum"])
    raw["classes"].reverse()
    with pytest.raises(CheckpointError, match="class list does not match"):
        load_checkpoint(rewritten(saved, lambda state: None, {"omentum": json.dumps(raw)}))


def test_a_newer_format_is_refused_by_its_number(saved):
    raw = json.loads(read_header(saved).metadata["omentum"]) | {"format": 99}
    with pytest.raises(CheckpointError, match=r"format 99.*upgrade"):
        load_checkpoint(rewritten(saved, lambda state: None, {"omentum": json.dumps(raw)}))


def test_another_architecture_is_named(saved, model):
    spec = dataclasses.replace(model.spec, model=dataclasses.replace(model.spec.model, backbone="ghost"))
    with pytest.raises(CheckpointError, match=r"unknown network type 'ghost' .*swin_unetr"):
        load_checkpoint(rewritten(saved, lambda state: None, {"omentum": spec.to_json()}))


def test_safetensors_of_others_are_refused(tmp_path):
    save_file({"a": torch.zeros(3)}, tmp_path / "m.safetensors")
    with pytest.raises(CheckpointError, match="without the description of an omentum model"):
        load_checkpoint(tmp_path / "m.safetensors")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be read"):
            load_checkpoint(path)


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
