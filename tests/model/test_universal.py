from __future__ import annotations

import dataclasses

import pytest
import torch
from small_models import small_model, small_spec

from omentum.errors import CheckpointError, UsageError
from omentum.model import build
from omentum.model.backbones.swin_unetr import LEGACY_OFFSETS, PATCH_MERGING


@pytest.mark.parametrize("shape", [(1, 1, 16, 17, 16), (1, 2, 16, 16, 16), (1, 16, 16, 16)])
def test_an_impossible_window_is_refused_with_the_divisor(shape):
    with pytest.raises(UsageError, match="multiples of 8"):
        small_model()(torch.zeros(shape))


def test_patch_merging_differs_where_the_old_order_was_wrong():
    x = torch.arange(8.0).reshape(1, 2, 2, 2, 1)
    merges = {name: module(1, norm_layer=lambda n: torch.nn.Identity()) for name, module in PATCH_MERGING.items()}
    joined = {}
    for name, module in merges.items():
        module.reduction = torch.nn.Identity()
        joined[name] = module(x).flatten().tolist()
    assert joined["legacy"] == [4 * i + 2 * j + k for i, j, k in LEGACY_OFFSETS]
    assert sorted(joined["corrected"]) == list(range(8))


def test_embeddings_that_do_not_fit_are_refused():
    with pytest.raises(CheckpointError, match=r"3 x 37 \(classes x width\).*needs 3 x 12"):
        build(small_spec(), torch.zeros(3, 37))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"backbone": "vnet"}, "unknown network type 'vnet'"),
        ({"parameters": {"depth": 3}}, "impossible parameters"),
        ({"backbone": "swin_unetr", "parameters": {"patch_merging": "new"}}, "patch_merging is one of"),
    ],
)
def test_an_unknown_network_is_refused(model, message):
    spec = small_spec()
    spec = dataclasses.replace(spec, model=dataclasses.replace(spec.model, **model))
    with pytest.raises(CheckpointError, match=message):
        build(spec, torch.zeros(3, 12))
