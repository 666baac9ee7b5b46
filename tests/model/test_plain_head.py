"""A head without text: a linear classifier of each voxel's features, that goes through every path of a model."""

import pytest
import torch
from openvino_here import ENGINES
from small_models import KEYS, small_spec

from omentum.errors import CheckpointError
from omentum.infer.profiles import Profile
from omentum.model import build, load_checkpoint, save_checkpoint
from omentum.model.feature_network import FeatureNetwork, class_logits
from omentum.model.plain_head import PlainHead
from omentum.pipeline.predictor import engine_for
from omentum.spec import CheckpointSpec, HeadKind, ModelSpec


def plain_model(backbone="unet"):
    spec = small_spec(backbone)
    torch.manual_seed(1)
    head = ModelSpec(backbone, spec.model.parameters, text_width=len(KEYS), head=HeadKind.PLAIN)
    described = CheckpointSpec(head, spec.preprocess, spec.classes, "none", licence=spec.licence)
    return build(described, torch.eye(len(KEYS))).eval()


def test_logits_are_a_linear_function_of_each_voxels_normalised_features():
    model, x = plain_model(), torch.rand(2, 1, 16, 16, 16)
    with torch.no_grad():
        _, decoded = model.backbone(x)
        features = model.head.voxel_features(decoded)
        weights, bias = model.head.classifier.weight[:-1].T, model.head.classifier.weight[-1]
        expected = torch.einsum("kc,bcxyz->bkxyz", weights, features) + bias[:, None, None, None]
        torch.testing.assert_close(model(x), expected, atol=1e-5, rtol=1e-5)


def test_some_classes_are_the_rows_of_all_in_the_order_asked_for():
    model, x = plain_model(), torch.rand(1, 1, 16, 16, 16)
    with torch.no_grad():
        assert torch.equal(model(x, [2, 0]), model(x)[:, [2, 0]])
        front, back = FeatureNetwork(model), class_logits(model, [1])
        torch.testing.assert_close(back(*front(x)), model(x)[:, [1]])


def test_a_checkpoint_says_that_its_head_is_plain_and_earlier_versions_refuse_it(tmp_path):
    model, path = plain_model(), tmp_path / "plain.safetensors"
    save_checkpoint(path, model)
    found = load_checkpoint(path)
    assert isinstance(found.head, PlainHead)
    assert found.spec == model.spec
    x = torch.rand(1, 1, 16, 16, 16)
    with torch.no_grad():
        assert torch.equal(found(x), model(x))
    assert '"format": 4' in model.spec.to_json()
    assert '"head": "plain"' in model.spec.to_json()
    assert '"head"' not in small_spec().to_json().replace('"head_channels"', "")


def test_a_head_of_an_unknown_kind_is_refused():
    text = plain_model().spec.to_json().replace('"head": "plain"', '"head": "fancy"')
    with pytest.raises(CheckpointError, match=r"cannot be read.*fancy"):
        CheckpointSpec.from_json(text, source="x.safetensors")


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_runs_it(engine):
    model = plain_model("residual_unet")
    x = torch.rand(1, 1, *model.spec.preprocess.patch)
    made = engine_for(model, KEYS[:2], torch.device("cpu"), Profile("test", 0.5, "float32"), engine)
    with torch.inference_mode():
        torch.testing.assert_close(made(x), model(x, [0, 1]), atol=2e-3, rtol=1e-3)


def test_gradients_reach_head_and_backbone():
    model = plain_model()
    model(torch.rand(1, 1, 16, 16, 16)).square().mean().backward()
    assert model.head.classifier.weight.grad.abs().sum() > 0
    assert all(p.grad is not None for p in model.backbone.parameters())
