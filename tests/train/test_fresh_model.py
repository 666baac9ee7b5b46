import pytest
import torch
import toy_run
from toy_run import CONFIG, changed, model, run

from omentum.errors import CheckpointError, UsageError
from omentum.train import fresh_model, loop
from omentum.train.run.folder import RESULT_FILE


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    return folder / RESULT_FILE, run(changed(steps=2, patch=(16, 16, 16)), folder)[0]


def test_a_run_can_start_from_another_checkpoint(first):
    path, trained = first
    fresh = model(changed(init=str(path)))
    for part in ("backbone", "head"):
        for name, tensor in getattr(fresh, part).state_dict().items():
            assert torch.equal(tensor, getattr(trained, part).state_dict()[name]), name


def test_a_run_can_start_from_parts_of_another_checkpoint(first):
    path, trained = first
    fresh = model(changed(init=str(path), init_parts=("backbone",), seed=1))
    assert torch.equal(fresh.backbone.expand.weight, trained.backbone.expand.weight)
    assert torch.equal(fresh.head.controller.weight, model(changed(seed=1)).head.controller.weight)


def test_parts_to_start_from_that_there_are_not_are_named(first):
    with pytest.raises(UsageError, match="init_parts: the network has no part 'backbones'"):
        model(changed(init=str(first[0]), init_parts=("backbones",)))


@pytest.mark.filterwarnings("ignore::omentum.errors.CaseWarning")
def test_a_checkpoint_of_another_shape_is_refused(first):
    wider = {**CONFIG.parameters, "widths": [8, 32, 32]}
    with pytest.raises(CheckpointError, match="not weights for"):
        model(changed(parameters=wider, init=str(first[0])))


def test_the_same_seed_makes_the_same_model():
    assert loop.new_model is not None
    one, other, third = model(), model(), model(changed(seed=1))
    assert torch.equal(one.head.controller.weight, other.head.controller.weight)
    assert not torch.equal(one.head.controller.weight, third.head.controller.weight)


def test_classes_start_apart_however_alike_their_prompts_are():
    """Each text feature has mean 0 and variance 1 over the classes; nearly collinear embeddings stay nearly so."""
    fresh = model()
    words = fresh.head.text_feature(fresh.text_embeddings)
    assert torch.allclose(words.mean(0), torch.zeros(words.shape[1]), atol=1e-5)
    assert torch.allclose(words.std(0, correction=0), torch.ones(words.shape[1]), atol=1e-4)


def test_a_single_class_has_none_to_be_told_from():
    torch.manual_seed(0)
    layer = torch.nn.Linear(12, 8)
    before = layer.weight.clone()
    fresh_model.spread_text_features(layer, torch.randn(1, 12))
    assert torch.equal(layer.weight, before)


def test_like_prompts_are_told_apart_from_the_first_step(monkeypatch):
    """Sentence embeddings differ by a thousandth of what they share; heads must not."""
    shared, own = torch.randn(1, 16, generator=torch.Generator().manual_seed(1)), toy_run.EMBEDDINGS
    monkeypatch.setattr(toy_run, "EMBEDDINGS", shared + 1e-3 * own)
    fresh = model()
    layers = fresh.head.layers(torch.randn(1, 16, 4, 4, 4), fresh.text_embeddings)[0]
    apart = layers.std(0).mean()
    assert apart > 0.1 * layers[:, :-1].std()


def test_a_fresh_model_says_no_almost_everywhere():
    """Most voxels belong to no structure: every logit starts near the bias of the last generated layer."""
    torch.manual_seed(3)
    with torch.inference_mode():
        logits = model()(torch.rand(1, 1, 32, 32, 32))[0]
    assert torch.allclose(logits.mean(), torch.tensor(CONFIG.first_logit), atol=1)
    assert (logits < 0).float().mean() > 0.99
    assert (logits.flatten(1).mean(1) < 0).all()
    assert 0.01 < torch.sigmoid(torch.tensor(CONFIG.first_logit)) < 0.03  # a voxel in fifty, or so
