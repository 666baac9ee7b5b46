"""The ONNX graph computes what the model computes, in one window; the document beside it says how to use it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from json_schemas import validator
from small_models import KEYS, small_spec

from omentum.anatomy import STRUCTURES
from omentum.cli import main
from omentum.export import window_network
from omentum.export.api import DOCUMENT, GRAPH
from omentum.export.window_network import SubPixelUp, WindowNetwork
from omentum.model import build, load_model, save_checkpoint
from omentum.postprocess.rules import RULES
from omentum.spec import ClassSpec, HeadKind, ModelSpec

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def tiny_model(head: HeadKind = HeadKind.TEXT):
    spec = small_spec("residual_unet", widths=[8, 16], stem=8, blocks=1)
    width = 12 if head is HeadKind.TEXT else len(KEYS)
    spec = replace(
        spec,
        model=ModelSpec("residual_unet", spec.model.parameters, text_width=width, condition_width=8, head=head),
        preprocess=replace(spec.preprocess, patch=(16, 16, 16)),
        classes=(*spec.classes[:2], ClassSpec("liver_tumour", "a tumour", threshold=0.6, minimum_ml=0.5)),
    )
    torch.manual_seed(0)
    return build(spec, torch.randn(len(KEYS), width) if head is HeadKind.TEXT else torch.eye(width)).eval()


def window(n: int = 16) -> torch.Tensor:
    return torch.rand(1, 1, n, n, n, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("head", [HeadKind.TEXT, HeadKind.PLAIN])
@pytest.mark.parametrize("classes", [None, [2, 0]])
def test_the_network_of_a_window_computes_the_logits_of_the_model(head, classes, monkeypatch):
    monkeypatch.setattr(window_network, "HIDDEN_VALUES", 30_000)  # several runs, the last one shorter
    model = tiny_model(head)
    with torch.inference_mode():
        expected, found = model(window(), classes), WindowNetwork(model, classes)(window())
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-4)


def test_the_bundled_weights_keep_their_logits_and_their_dependence_on_the_image():
    model = load_model("default")
    bright, dark = window(32), window(32) * 0.3
    with torch.inference_mode():
        network = WindowNetwork(model)
        for one in (bright, dark):
            assert torch.allclose(network(one), model(one), atol=2e-3)


def test_a_transposed_convolution_is_a_convolution_and_a_rearrangement():
    torch.manual_seed(0)
    for bias in (False, True):
        up = torch.nn.ConvTranspose3d(3, 5, 2, 2, bias=bias)
        x = torch.randn(1, 3, 2, 3, 4)
        assert torch.allclose(SubPixelUp(up)(x), up(x), atol=1e-6)


def test_the_command_writes_graph_and_document_and_replaces_nothing_unasked(tmp_path, capsys):
    weights, out = tmp_path / "tiny.safetensors", tmp_path / "onnx"
    save_checkpoint(weights, tiny_model().half().float())  # values that float16 holds, as in the bundled weights
    assert main(["export", "onnx", "-w", str(weights), "-o", str(out)]) == 0
    assert "3 classes" in capsys.readouterr().out
    content = (out / GRAPH).read_bytes()
    _check_graph(content, load_model(weights))
    _check_document(json.loads((out / DOCUMENT).read_text()), content)
    assert main(["export", "onnx", "-w", str(weights), "-o", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert (out / GRAPH).read_bytes() == content


def _check_graph(content, model):
    """The logits of torch, weights as small as in the checkpoint, no operations that runtimes lack, no paths."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (found,) = session.run(["logits"], {"window": window().numpy()})
    with torch.inference_mode():
        expected = model(window()).numpy()
    assert np.abs(found - expected).max() < 1e-4
    graph = onnx.load_from_string(content).graph
    assert not {node.op_type for node in graph.node} & {"ConvTranspose", "GridSample", "InstanceNormalization", "Loop"}
    large = [one for one in graph.initializer if np.prod(one.dims) > 1000]
    assert large
    assert {one.data_type for one in large} == {onnx.TensorProto.FLOAT16}
    assert not any(node.metadata_props for node in graph.node)


def _check_document(document, content):
    assert list(validator("onnx-model").iter_errors(document)) == []
    assert document["graph"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert document["graph"]["output"]["shape"] == [1, 3, 16, 16, 16]
    assert document["preprocess"]["patch"] == [16, 16, 16]
    tumour = document["classes"][2]
    assert tumour["threshold"] == 0.6
    assert tumour["rule"]["minimum_ml"] == 0.5 > RULES["liver_tumour"].minimum_ml
    assert tumour["hosts"] == ["liver"]
    assert tumour["colour"] == list(STRUCTURES["liver_tumour"].colour)


def test_weights_that_are_not_there_are_named(tmp_path, capsys):
    assert main(["export", "onnx", "-w", str(tmp_path / "no.safetensors"), "-o", str(tmp_path / "onnx")]) == 2
    assert "no.safetensors" in capsys.readouterr().err
    assert not (tmp_path / "onnx").exists()
