import pytest
import torch
from small_models import SMALL, small_model

from omentum.errors import UsageError
from omentum.model.checkpoint import load_checkpoint, save_checkpoint
from omentum.model.growth.widen import widened

X = torch.rand(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(1))


def residual_unet(decoded_channels=8):
    model = small_model("residual_unet", **SMALL["residual_unet"], decoded_channels=decoded_channels)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
    return model.eval()


@pytest.mark.parametrize(("decoded", "head"), [(8, 16), (16, 8), (32, 16), (48, 12)])
def test_it_computes_nearly_the_same(decoded, head):
    model = residual_unet()
    wide = widened(model, decoded, head).eval()
    with torch.no_grad():
        before, after = model(X), wide(X)
    assert (after - before).abs().mean() < 0.1 * before.std()
    assert ((before > 0) == (after > 0)).float().mean() > 0.97
    assert wide.backbone.decoded_channels == decoded
    assert wide.head.channels == head


def test_without_new_decoded_channels_it_computes_the_same():
    model = residual_unet()
    with torch.no_grad():
        torch.testing.assert_close(widened(model, 8, 16).eval()(X), model(X), rtol=1e-4, atol=1e-4)


def test_without_noise_it_computes_the_same():
    model = residual_unet()
    with torch.no_grad():
        torch.testing.assert_close(widened(model, 32, 16, noise=0).eval()(X), model(X), rtol=1e-3, atol=1e-3)


def test_new_units_learn():
    model = widened(residual_unet(), 32, 16).train()
    model(X).square().mean().backward()
    grad = model.head.controller.weight.grad
    first, second, third = grad[:256], grad[256:512].unflatten(0, (16, 16)), grad[512:528]
    assert third[8:].abs().sum() > 0
    assert second[:8, 8:].abs().sum() > 0
    assert first.abs().sum() > 0
    assert model.head.voxel_features[2].weight.grad[:8, 16:].abs().sum() > 0


def test_it_is_saved_and_read_like_any_other(tmp_path):
    wide = widened(residual_unet(), 32, 16)
    save_checkpoint(tmp_path / "wide.safetensors", wide)
    again = load_checkpoint(tmp_path / "wide.safetensors")
    assert again.spec.model.head_channels == 16
    assert again.spec.model.parameters["decoded_channels"] == 32
    assert again.spec.training == wide.spec.training


def test_the_seed_decides():
    one, same, other = (widened(residual_unet(), 32, 16, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["backbone.expand.weight"], other["backbone.expand.weight"])


@pytest.mark.parametrize(("decoded", "head"), [(4, 8), (8, 4), (24, 8)])
def test_impossible_widths_are_refused(decoded, head):
    with pytest.raises(UsageError):
        widened(residual_unet(), decoded, head)


def test_other_backbones_are_refused():
    with pytest.raises(UsageError, match="residual_unet"):
        widened(small_model("unet"), 32, 16)
