"""The catalogue of faulty inputs, rows 92 to 103: files with weights."""

import dataclasses
import json
import pickle

import pytest
import torch
from bad_checkpoints import BOMBS, DISGUISES, bomb_file
from catalogue import Case, Outcome, check
from safetensors.torch import load_file, save_file
from small_models import small_model, small_spec

from omentum.model import load_checkpoint, save_checkpoint
from omentum.model.safetensors_file import read_header
from omentum.model.state import state_sha256


class _Exploit:
    def __reduce__(self):
        return exec, ("raise SystemExit('code of a file was run')",)


def written(content, name="model.safetensors"):
    def make(folder):
        (folder / name).write_bytes(content)
        return folder / name

    return make


def saved(folder, dtype=torch.float32):
    path = folder / "model.safetensors"
    save_checkpoint(path, small_model(), dtype)
    return path


def cut(share):
    def make(folder):
        path = saved(folder)
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        return path

    return make


def one_bit(folder):
    path = saved(folder)
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    return path


def changed(tensors=None, **description):
    """With tensors or the description changed, and a checksum that fits."""

    def make(folder):
        path = saved(folder)
        state, about = load_file(path), dict(read_header(path).metadata)
        if tensors is not None:
            tensors(state)
        about["omentum"] = json.dumps(json.loads(about["omentum"]) | description)
        save_file(state, path, metadata=about | {"tensors_sha256": state_sha256(state)})
        return path

    return make


def set_tensor(name, value):
    return lambda state: state.__setitem__(name, value)


def poisoned(value):
    return lambda state: state["head.controller.weight"].__setitem__((3, 4), value)


def of_model(**model):
    spec = small_spec()
    raw = json.loads(dataclasses.replace(spec, model=dataclasses.replace(spec.model, **model)).to_json())
    return {"model": raw["model"]}


def reversed_classes():
    return {"classes": json.loads(small_spec().to_json())["classes"][::-1]}


def foreign(folder):
    save_file({"a": torch.zeros(3)}, folder / "m.safetensors")
    return folder / "m.safetensors"


def refused(row, what, make, says):
    return Case(row, what, make, Outcome.ERROR, says, load_checkpoint)


def fine(row, what, make):
    return Case(row, what, make, Outcome.OK, "", load_checkpoint)


CASES = (
    *(refused(92, f"exploit, pickle protocol {n}", written(pickle.dumps(_Exploit(), n)), "") for n in range(6)),
    *(refused(93, f"disguise: {kind}", written(content), says) for kind, (content, says) in DISGUISES.items()),
    refused(93, "truncated at a half", cut(0.5), "damaged or incomplete"),
    refused(93, "truncated in the header", cut(0.01), "damaged or incomplete"),
    refused(93, "one bit changed", one_bit, "expected sha256 [0-9a-f]{64} .* got [0-9a-f]{64}"),
    refused(94, "unknown architecture", changed(**of_model(backbone="ghost")), "unknown network type 'ghost'"),
    refused(94, "another architecture", changed(**of_model(backbone="residual_unet", parameters={})), "missing"),
    refused(95, "missing tensor", changed(lambda state: state.pop("head.controller.bias")), "1 missing: head"),
    refused(95, "unexpected tensor", changed(set_tensor("more", torch.zeros(2))), "1 unexpected: more"),
    refused(96, "misshapen tensor", changed(set_tensor("head.controller.bias", torch.zeros(154))), "should be .153,."),
    refused(97, "NaN", changed(poisoned(float("nan"))), "NaN or infinite numbers: head.controller.weight"),
    refused(97, "infinite", changed(poisoned(float("inf"))), "NaN or infinite numbers: head.controller.weight"),
    refused(98, "other text embeddings", changed(set_tensor("text_embeddings", torch.zeros(3, 37))), "3 x 37"),
    refused(99, "classes in another order", changed(**reversed_classes()), "class list does not match"),
    refused(100, "newer format", changed(format=99), "format 99.*upgrade"),
    *(
        refused(101, f"header: {kind}", lambda folder, kind=kind: bomb_file(folder / "m.safetensors", kind), says)
        for kind, (_, says) in BOMBS.items()
    ),
    fine(102, "float32", saved),
    fine(102, "float16", lambda folder: saved(folder, torch.float16)),
    fine(102, "bfloat16", lambda folder: saved(folder, torch.bfloat16)),
    refused(103, "safetensors of somebody else", foreign, "without the description of an omentum model"),
    refused(103, "missing file", lambda folder: folder / "none.safetensors", "cannot be read"),
    refused(103, "a folder", lambda folder: folder, "cannot be read"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_the_expected_one(case, tmp_path):
    check(case, tmp_path)
