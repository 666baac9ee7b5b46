from __future__ import annotations

import pytest
import torch
from torch import Tensor

from omentum.model import head as head_module
from omentum.model.head import TextDrivenHead
from reference.head import head_logits


@pytest.fixture
def head() -> TextDrivenHead:
    torch.manual_seed(0)
    return TextDrivenHead(32, 48, text_width=20, condition_width=16)


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, 32, 2, 3, 2), torch.randn(2, 48, 6, 7, 5), torch.randn(5, 20)


@pytest.fixture(params=[1, 50, None], ids=["voxel by voxel", "in runs", "at once"])
def voxels_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int | None:
    if request.param is not None:
        monkeypatch.setitem(head_module.HIDDEN_NUMBERS_AT_ONCE, "cpu", request.param * 5 * 8)
    return request.param


def test_it_agrees_with_grouped_convolutions(head, inputs, voxels_at_once):
    with torch.no_grad():
        torch.testing.assert_close(head(*inputs), head_logits(head, *inputs), atol=1e-5, rtol=1e-5)


def test_its_gradients_agree_with_grouped_convolutions(head, inputs, voxels_at_once):
    weights = torch.randn(2, 5, 6, 7, 5)
    found, expected = (
        _gradients(head, function, inputs, weights) for function in (head, lambda *x: head_logits(head, *x))
    )
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def _gradients(head, function, inputs, weights) -> list[Tensor]:
    deep, decoded, text = (x.clone().requires_grad_() for x in inputs)
    wanted = [deep, decoded, text, *head.parameters()]
    return list(torch.autograd.grad((function(deep, decoded, text) * weights).sum(), wanted))


def test_asking_for_some_classes_is_slicing(head, inputs):
    deep, decoded, text = inputs
    torch.testing.assert_close(head(deep, decoded, text[[3, 1]]), head(deep, decoded, text)[:, [3, 1]])


def test_samples_of_a_batch_do_not_mix(head, inputs):
    deep, decoded, text = inputs
    torch.testing.assert_close(head(deep, decoded, text)[1:], head(deep[1:], decoded[1:], text))


def test_it_works_in_bfloat16(head, inputs):
    exact = head(*inputs)
    with torch.autocast("cpu", torch.bfloat16):
        rough = head(*inputs)
        rough.float().sum().backward()
    assert rough.dtype == torch.bfloat16
    assert (rough.float() - exact).abs().max() < 0.05 * exact.std()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())


def test_what_a_class_is_drawn_with_is_never_rounded(head, inputs, voxels_at_once):
    """Features may come in bfloat16; the generated numbers they meet are those of the controller, to the last bit."""
    deep, decoded, text = inputs
    with torch.no_grad():
        layers = head.layers(deep, text)
        rough = head.voxel_features(decoded).flatten(2).bfloat16()
        expected = head.apply_dynamic_head(rough.float(), layers)
        with torch.autocast("cpu", torch.bfloat16):
            found = head.apply_dynamic_head(rough, layers, torch.float32)
            assert head.layers(deep, text).dtype == torch.float32
            assert head.apply_dynamic_head(rough, layers).dtype == torch.bfloat16
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_what_comes_out_may_be_narrower_than_what_it_is_computed_in(head, inputs, voxels_at_once):
    deep, decoded, text = inputs
    image, features = head.image_feature(deep).flatten(1), head.voxel_features(decoded)
    wide = head.logits(image, features, text)
    narrow = head.logits(image, features, text, torch.float16)
    assert narrow.dtype == torch.float16
    torch.testing.assert_close(narrow, wide.half(), rtol=0, atol=0)
    found, expected = (torch.autograd.grad(x.float().sum(), head.controller.weight)[0] for x in (narrow, wide))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_hidden_layers_never_exist_as_a_whole_in_training(head, monkeypatch):
    monkeypatch.setitem(head_module.HIDDEN_NUMBERS_AT_ONCE, "cpu", 5 * 8 * 100)
    features, layers = torch.randn(1, 8, 20**3, requires_grad=True), torch.randn(1, 5, 153, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        head.apply_dynamic_head(features, layers)
    assert max(kept) <= 8 * 20**3


@pytest.mark.parametrize(("channels", "groups"), [(768, 16), (48, 16), (24, 8), (20, 4), (8, 8), (7, 1)])
def test_groups_of_the_normalisation_fit_the_channels(channels, groups):
    assert TextDrivenHead(channels, channels).voxel_features[0].num_groups == groups


def test_the_controller_has_the_published_153_outputs():
    head = TextDrivenHead(768, 48)
    assert head.split_sizes == (64, 64, 8, 8, 8, 1)
    assert head.controller.weight.shape == (153, 512)


def test_any_number_of_threads_gives_the_same_bits(head, monkeypatch):
    monkeypatch.setitem(head_module.HIDDEN_NUMBERS_AT_ONCE, "cpu", 5 * 8 * 30)
    features, layers = torch.randn(2, 8, 20**3, requires_grad=True), torch.randn(2, 5, 153, requires_grad=True)
    before, seen = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            logits = head.apply_dynamic_head(features, layers)
            seen.append((logits, *torch.autograd.grad(logits.square().sum(), (features, layers))))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for several in seen[1:]:
        assert all(torch.equal(a, b) for a, b in zip(several, seen[0], strict=True))
