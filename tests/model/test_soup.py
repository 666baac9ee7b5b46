"""Soups: the mean of the weights of models that go together, with an honest record; everything else is refused."""

from dataclasses import replace

import pytest
import torch
from small_models import small_model
from torch import nn

from omentum.errors import UsageError
from omentum.model import load_checkpoint, save_checkpoint
from omentum.model.plain_head import PlainHead
from omentum.model.soup import average_models, common_start, refuse_same
from omentum.spec import AdapterSpec, HeadKind, Trust

NAMES = ["a.safetensors", "b.safetensors", "c.safetensors"]


def members(number=2, backbone="residual_unet"):
    """Models that differ in all weights, as trainings from one start do."""
    found = []
    for seed in range(number):
        model = small_model(backbone)
        torch.manual_seed(seed)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.1 * torch.randn_like(weight))
        found.append(model)
    return found


def described(model, /, **spec):
    model.spec = replace(model.spec, **spec)
    return model


def test_every_weight_is_the_mean_and_the_members_stay_as_they_were():
    models = members(3)
    before = [{name: p.clone() for name, p in model.named_parameters()} for model in models]
    soup = average_models(models, NAMES)
    for name, parameter in soup.named_parameters():
        torch.testing.assert_close(parameter, torch.stack([one[name] for one in before]).mean(0))
    for model, was in zip(models, before, strict=True):
        assert all(torch.equal(p, was[name]) for name, p in model.named_parameters())
    assert not soup.training
    assert soup(torch.rand(1, 1, 32, 32, 32)).shape == (1, 3, 32, 32, 32)


def test_a_soup_of_copies_is_the_copy():
    model = members(1)[0]
    soup = average_models([model, model], NAMES[:2])
    for name, parameter in soup.named_parameters():
        assert torch.equal(parameter, model.get_parameter(name)), name


@pytest.mark.parametrize("backbone", ["unet", "swin_unetr", "segresnet", "mednext"])
def test_tables_and_buffers_of_every_kind_of_network_come_through(backbone, tmp_path):
    soup = average_models(members(2, backbone), NAMES[:2])
    save_checkpoint(tmp_path / "soup.safetensors", soup)
    again = load_checkpoint(tmp_path / "soup.safetensors")
    x = torch.rand(1, 1, 64, 64, 64)
    with torch.no_grad():
        assert torch.equal(again(x), soup(x))


def test_a_soup_is_unjudged_and_knows_what_it_was_made_from():
    terms = [
        [{"of": name, "licence": licence, "citation": ""}]
        for name, licence in (("LiTS", "CC BY-NC 4.0"), ("AMOS", "CC BY 4.0"))
    ]
    models = members()
    for model, its, scan in zip(models, terms, ("x", "y"), strict=True):
        classes = tuple(replace(c, threshold=0.3, trust=Trust.RELIABLE) for c in model.spec.classes)
        start = {"file": "first.safetensors", "sha256": "0a", "says_all_trained_on": True}
        training = {"terms": its, "trained_on": [scan], "trained_on_rows": f"{scan}1 {scan}2", "started_from": start}
        described(model, classes=classes, training=training, licence="old")
    assert common_start(models) == "first.safetensors"
    other = {**training, "started_from": {**start, "sha256": "0b"}}  # another run's file of that name
    assert common_start([models[0], described(members(3)[2], training=other)]) is None
    spec = average_models(models, NAMES[:2]).spec
    assert {c.trust for c in spec.classes} == {Trust.UNKNOWN}
    assert set(spec.thresholds.values()) == {0.5}
    assert spec.scans_seen.digests == {"x", "y"}
    assert spec.scans_seen.rows == {"x1", "x2", "y1", "y2"}
    assert spec.scans_seen.is_complete
    assert spec.licence == "CC BY-NC 4.0 (LiTS)"
    assert [member["name"] for member in spec.training["soup"]["members"]] == NAMES[:2]


def test_a_member_that_does_not_say_what_it_saw_makes_the_soup_unsure():
    models = members()
    described(models[0], training={"trained_on": ["x"]})
    described(models[1], training={})
    spec = average_models(models, NAMES[:2]).spec
    assert not spec.scans_seen.is_complete
    assert common_start(models) is None


def test_one_set_of_weights_given_twice_is_refused():
    first, second = members(2)
    with pytest.raises(UsageError, match="c: are the weights of a") as fault:
        refuse_same([first, second, first], ["a", "b", "c"])
    assert "-w" not in str(fault.value)


def test_what_does_not_go_together_is_refused_by_name():
    first = members(1)[0]

    def refused(other, message):
        with pytest.raises(UsageError, match=message) as fault:
            average_models([first, other], ["a.safetensors", "b.safetensors"])
        assert str(fault.value).startswith(
            "b.safetensors: its weights cannot be averaged with those of a.safetensors: "
        )

    spec = first.spec
    refused(members(1, "unet")[0], "backbone unet, not residual_unet")
    refused(small_model("residual_unet", widths=[8, 16, 24], stem=8, blocks=1), r"parameters .*24")
    finer = replace(spec.preprocess, spacing_mm=(2.0, 2.0, 2.0))
    refused(described(members(1)[0], preprocess=finer), "spacing_mm")
    refused(described(members(1)[0], classes=spec.classes[::-1]), "another list of classes")
    prompts = tuple(replace(c, prompt="other") for c in spec.classes)
    refused(described(members(1)[0], classes=prompts), "other prompts")
    refused(described(members(1)[0], text_encoder="clip"), "the language model clip, not none")
    other = members(1)[0]
    other.text_embeddings = other.text_embeddings + 1
    refused(other, "other text embeddings")
    adapted = described(members(1)[0], adapters=(AdapterSpec((spec.class_keys[0],), 4),))
    refused(adapted, "adapters")
    plain = members(1)[0]
    plain.head = PlainHead(plain.backbone.decoded_channels, 3)
    refused(described(plain, model=replace(spec.model, head=HeadKind.PLAIN)), "head plain, not text")
    with pytest.raises(UsageError, match="is no network of this package"):
        average_models([first, nn.Identity()], ["a", "b"])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="at least two"):
        average_models([first], ["a.safetensors"])


def test_text_embeddings_of_one_encoder_may_be_rounded():
    one, other = members()
    other.text_embeddings = other.text_embeddings.half().float()
    soup = average_models([one, other], NAMES[:2])
    assert torch.equal(soup.text_embeddings, one.text_embeddings)


def test_statistics_of_batches_are_not_averaged():
    models = members()
    for number, model in enumerate(models):
        model.backbone.norm = nn.BatchNorm3d(2)
        model.backbone.norm.running_mean.fill_(number)
    with pytest.raises(UsageError, match="statistics of batches"):
        average_models(models, NAMES[:2])
