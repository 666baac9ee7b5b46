"""The map of real weights: text embeddings as they are, and heads whose differences no image changes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_models import small_model, small_spec

from omentum.cli import main
from omentum.errors import UsageError
from omentum.model import build, load_model, save_checkpoint
from omentum.model.adapters import with_adapter
from omentum.pipeline.class_map import map_classes
from omentum.spec import ClassSpec, HeadKind


def test_differences_between_heads_do_not_depend_on_the_image():
    model = small_model()
    heads = map_classes(model).stages[-1]
    for seed in range(2):
        deep = torch.randn(1, 64, 4, 4, 4, generator=torch.Generator().manual_seed(seed))
        channels = model.head.image_feature[0].num_channels
        with torch.inference_mode():
            layers = model.head.layers(deep[:, :1].expand(-1, channels, -1, -1, -1), model.text_embeddings)[0].numpy()
        apart = layers - layers.mean(0)
        unit = apart / np.linalg.norm(apart, axis=1, keepdims=True)
        assert np.allclose(unit @ unit.T, heads.similarity, atol=1e-4)


def test_the_bundled_model_keeps_sides_together(tmp_path, capsys):
    out = tmp_path / "map.svg"
    assert main(["classes", "--map", "default", "-o", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "default: 32 classes, text encoder all-MiniLM-L6-v2" in shown
    assert "8 of 8" in shown
    assert "nearly equal heads: left_femoral_head and right_femoral_head" in shown
    assert shown.rstrip().endswith(str(out))
    assert out.read_text().startswith("<?xml")
    assert main(["classes", "--map", "default", "-o", str(out)]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["classes", "--map", "default", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    words = said["stages"][0]
    rows = load_model().text_embeddings.numpy()
    apart = rows - rows.mean(0)
    unit = apart / np.linalg.norm(apart, axis=1, keepdims=True)
    assert np.allclose(words["similarity"], unit @ unit.T, atol=1e-3)
    assert words["sides"] == {"nearest_to_related": 8, "of": 8}


def test_classes_with_an_adapter_have_the_head_of_their_adapter():
    model = small_model()
    text = torch.randn(2, 12, generator=torch.Generator().manual_seed(5))
    adapted = with_adapter(model, [ClassSpec("aorta", "an aorta"), ClassSpec("stomach", "a stomach")], text)
    fresh = map_classes(adapted)
    assert fresh.keys == ("liver", "spleen", "liver_tumour", "aorta", "stomach")
    for parameter in adapted.adapters[0].parameters():
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
    trained = map_classes(adapted)
    assert np.array_equal(trained.stages[0].similarity, fresh.stages[0].similarity)
    assert not np.allclose(trained.stages[2].similarity, fresh.stages[2].similarity, atol=0.05)


def test_a_head_without_text_has_nothing_to_compare():
    spec = small_spec()
    plain = replace(spec, model=replace(spec.model, text_width=3, head=HeadKind.PLAIN))
    with pytest.raises(UsageError, match="its head has no text"):
        map_classes(build(plain, torch.eye(3)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--map", "default", "-o", "map.pdf"], "map.pdf: the picture is a .png or .svg file"),
        (["--map", "nothing.safetensors"], "nothing.safetensors: no such file"),
        (["-o", "map.png"], "-o names the picture of --map"),
    ],
)
def test_what_cannot_be_drawn(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["classes", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_weights_are_not_overwritten(tmp_path, capsys):
    path = tmp_path / "m.png"
    save_checkpoint(path, small_model())
    before = path.read_bytes()
    assert main(["classes", "--map", str(path), "-o", str(path), "--overwrite"]) == 2
    assert path.read_bytes() == before
