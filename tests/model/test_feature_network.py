"""A model in two parts computes what the whole does, for all classes and for some, in the order asked for."""

from __future__ import annotations

import pytest
import torch
from small_models import small_model

from omentum.model.feature_network import FeatureNetwork, class_logits


@pytest.mark.parametrize("classes", [None, (2,), (2, 0, 1)])
def test_the_parts_are_the_whole(classes):
    model = small_model().eval()
    x = torch.rand(2, 1, 32, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = FeatureNetwork(model)(x)
        drawn = class_logits(model, classes)(*features)
        whole = model(x, classes)
    assert drawn.shape == whole.shape
    assert torch.allclose(drawn, whole, atol=1e-5)


def test_logits_may_be_drawn_in_half_their_width():
    model = small_model().eval()
    with torch.inference_mode():
        features = FeatureNetwork(model)(torch.rand(1, 1, 32, 32, 32))
        narrow, wide = class_logits(model, (1,), torch.float16)(*features), class_logits(model, (1,))(*features)
    assert narrow.dtype == torch.float16
    assert torch.equal(narrow, wide.half())
