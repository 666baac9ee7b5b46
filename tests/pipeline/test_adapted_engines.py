"""A model with adapters, as engines run it: with classes of both kinds, in torch and OpenVINO alike."""

from __future__ import annotations

import pytest
import torch
from openvino_here import ENGINES
from small_models import small_model

from omentum.infer.engines import choose_engine
from omentum.model.adapters import with_adapter
from omentum.pipeline.predictor import network_of
from omentum.spec import ClassSpec

KEYS = ("liver", "pancreas", "spleen")


def adapted_model():
    parent = small_model("residual_unet")
    model = with_adapter(parent, (ClassSpec("pancreas", "A pancreas"),), torch.randn(1, 12)).eval()
    with torch.no_grad():
        for parameter in model.adapters.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape))
    return parent, model


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_compute_known_and_new_classes(engine):
    torch.manual_seed(1)
    parent, model = adapted_model()
    x = torch.rand(1, 1, 32, 32, 32)
    with torch.inference_mode():
        expected = model(x, [model.spec.class_keys.index(key) for key in KEYS])
        known = parent(x, [0, 1])
    run = choose_engine(network_of(model, KEYS), torch.device("cpu"), name=engine)
    assert torch.allclose(run(x), expected, atol=1e-3)
    assert torch.allclose(run(x)[:, [0, 2]], known, atol=1e-3)


def test_what_is_compiled_depends_on_the_passes_that_classes_need():
    _, model = adapted_model()
    names = [network_of(model, keys).fingerprint for keys in (("liver",), ("spleen",), ("pancreas",), KEYS)]
    assert names[0] == names[1]
    assert len(set(names)) == 3
