"""Networks restricted to some classes, as engines run them."""

import pytest
import torch
from openvino_here import ENGINES
from small_models import KEYS, small_model

from omentum.infer.profiles import PROFILES
from omentum.pipeline import predictor
from omentum.pipeline.predictor import SharedNetwork

CPU = torch.device("cpu")
X = torch.rand(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_network_is_compiled_once_for_any_classes(engine, monkeypatch):
    made, choose = [], predictor.choose_engine

    def chosen(*what):
        made.append(choose(*what))
        return made[-1]

    monkeypatch.setattr(predictor, "choose_engine", chosen)
    model = small_model("residual_unet")
    shared = SharedNetwork(model, CPU, PROFILES["exact"], engine)
    for classes in (("liver",), ("liver_tumour", "spleen"), KEYS):
        with torch.inference_mode():
            expected = model(X, [KEYS.index(key) for key in classes])
        torch.testing.assert_close(shared(classes)(X), expected, rtol=0, atol=1e-3)
    assert [one.name for one in made] == [engine]
