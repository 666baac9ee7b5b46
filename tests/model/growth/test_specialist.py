import copy

import pytest
import torch
from small_models import KEYS, small_model

from omentum.errors import UsageError
from omentum.model.checkpoint import load_checkpoint, save_checkpoint
from omentum.model.growth.specialist import with_specialist

X = torch.rand(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(1))


def changed(model, *parts):
    """A copy in which the parameters of some parts differ."""
    other = copy.deepcopy(model)
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in other.named_parameters():
            if name.startswith(parts):
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
    return other


@pytest.mark.parametrize("parts", [("backbone", "head"), ("backbone.expand", "backbone.last", "head")])
def test_some_classes_are_the_specialists_and_the_others_stay(parts):
    model = small_model("residual_unet")
    specialist = changed(model, *parts)
    both = with_specialist(model, specialist, ["liver_tumour"])
    with torch.no_grad():
        theirs, now = specialist(X), both(X)
    tumour = KEYS.index("liver_tumour")
    others = [k for k in range(len(KEYS)) if k != tumour]
    with torch.no_grad():
        before = model(X)
        assert torch.equal(both(X, others), model(X, others))
    torch.testing.assert_close(now[:, others], before[:, others], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(now[:, tumour], theirs[:, tumour], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(now[:, tumour], before[:, tumour], atol=1e-3)


def test_only_what_differs_is_kept():
    model = small_model("residual_unet")
    both = with_specialist(model, changed(model, "backbone.expand"), ["liver_tumour"])
    assert both.spec.adapters[0].parts == ("backbone.expand",)
    assert sum(p.numel() for p in both.adapters.parameters()) == sum(
        p.numel() for p in model.backbone.expand.parameters()
    )


def test_it_is_saved_and_read(tmp_path):
    model = small_model("residual_unet")
    both = with_specialist(model, changed(model, "head"), ["liver_tumour"])
    save_checkpoint(tmp_path / "both.safetensors", both)
    with torch.no_grad():
        assert torch.equal(load_checkpoint(tmp_path / "both.safetensors")(X), both(X))


def test_what_does_not_fit_is_refused():
    model = small_model("residual_unet")
    other = changed(model, "head")
    with pytest.raises(UsageError, match="another network"):
        with_specialist(model, small_model("unet"), ["liver"])
    with pytest.raises(UsageError, match="does not know"):
        with_specialist(model, other, ["aorta"])
    with pytest.raises(UsageError, match="computes what"):
        with_specialist(model, copy.deepcopy(model), ["liver"])
    with pytest.raises(UsageError, match="adapters"):
        with_specialist(with_specialist(model, other, ["liver"]), other, ["liver"])
