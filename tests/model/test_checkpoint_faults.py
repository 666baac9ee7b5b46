"""Files that are no checkpoint, damaged ones, and tensors or descriptions that do not fit: refused, and never run."""

from __future__ import annotations

import dataclasses
import json
import pickle
import time
from pathlib import Path

import pytest
import torch
from bad_checkpoints import BOMBS, DISGUISES, bomb_file, rewritten
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from small_models import small_model, small_spec

from omentum.errors import CheckpointError
from omentum.model import load_checkpoint, save_checkpoint
from omentum.model.safetensors_file import read_header


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
