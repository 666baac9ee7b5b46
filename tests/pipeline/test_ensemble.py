"""Several checkpoints segment as one: the mean of their probabilities, named one by one in the manifest."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from banded_phantom import banded_ct, ras_grid, truth_mask
from openvino_here import ENGINES
from small_models import small_model, with_small_second_pass
from threshold_model import BANDS_HU, SPEC, ThresholdModel

from omentum.errors import CaseWarning, UsageError
from omentum.fingerprint import scan_digest, sketch, slice_hashes
from omentum.model import load_model, save_checkpoint
from omentum.pipeline import Segmenter, SegmentOptions, segment

HOW = {"device": "cpu", "postprocess": "none"}


@pytest.fixture(scope="module")
def ct():
    return banded_ct(ras_grid())


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two small networks that differ in their weights, as files."""
    folder = tmp_path_factory.mktemp("members")
    model = small_model("residual_unet")
    for number in range(2):
        torch.manual_seed(number)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.1 * torch.randn_like(weight))
        save_checkpoint(folder / f"{number}.safetensors", model)
    return [folder / f"{number}.safetensors" for number in range(2)]


class Sure(ThresholdModel):
    """Says one thing everywhere: liver, with this logit."""

    def __init__(self, logit):
        super().__init__(SPEC)
        self.logit = logit

    def forward(self, x, classes=None):
        logits = super().forward(x, classes)
        return logits.fill_(self.logit)


def test_two_of_the_same_find_what_one_finds(ct):
    alone, twice = (segment(ct, weights=w, **HOW) for w in (ThresholdModel(SPEC), [ThresholdModel(SPEC)] * 2))
    np.testing.assert_array_equal(twice.bits, alone.bits)
    for key in BANDS_HU:
        assert twice.confidence[key].mean_probability == pytest.approx(alone.confidence[key].mean_probability, abs=2e-3)


@pytest.mark.parametrize("profile", ["exact", "balanced", "best"])
def test_the_mean_is_of_probabilities_and_confidence_is_the_mean_s(ct, profile):
    """Two votes of 0.8 and one of 0.001: 0.53, which is liver, although the mean of their logits is far below 0."""
    logits = [float(torch.logit(torch.tensor(p))) for p in (0.8, 0.8, 0.001)]
    found = segment(ct, weights=[Sure(logit) for logit in logits], classes=["liver"], profile=profile, **HOW)
    assert found.mask("liver")[truth_mask("liver", found.grid)].all()
    assert found.confidence["liver"].mean_probability == pytest.approx((0.8 + 0.8 + 0.001) / 3, abs=3e-3)


def test_the_threshold_is_the_mean_of_the_members_unless_another_is_asked_for(ct):
    """The mean probability is 0.5: above 0.4, the mean of 0.1 and 0.7, and below 0.6."""
    members = [Sure(float(torch.logit(torch.tensor(p)))) for p in (0.2, 0.8)]
    for member, threshold in zip(members, (0.1, 0.7), strict=True):
        classes = tuple(replace(c, threshold=threshold) for c in member.spec.classes)
        member.spec = replace(member.spec, classes=classes)
    found = segment(ct, weights=members, classes=["liver"], **HOW)
    assert found.manifest["options"]["threshold"] == pytest.approx({"liver": 0.4})
    assert found.mask("liver")[truth_mask("liver", found.grid)].all()
    assert not segment(ct, weights=members, classes=["liver"], threshold={"liver": 0.6}, **HOW).mask("liver").any()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("classes", [None, ["liver", "liver tumour"]])
def test_networks_from_files_on_either_engine(ct, files, engine, classes):
    found = segment(ct, weights=files, classes=classes, engine=engine, locate=False, **HOW)
    models = [load_model(path, torch.device("cpu")) for path in files]
    with torch.inference_mode():
        image = torch.rand(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(0))
        wanted = torch.stack([model(image).sigmoid() for model in models]).mean(0)
    segmenter = Segmenter(files, SegmentOptions(None, "cpu", engine=engine))
    torch.testing.assert_close(segmenter._predictor(image).sigmoid(), wanted, atol=2e-3, rtol=0)
    assert found.manifest["engine"]["name"] == engine
    assert found.classes == (("liver", "liver_tumour") if classes else models[0].spec.class_keys)


def test_the_manifest_names_every_member(ct, files):
    manifest = segment(ct, weights=files, **HOW).manifest
    weights = json.loads(json.dumps(manifest))["weights"]
    alone = [segment(ct, weights=path, **HOW).manifest["weights"] for path in files]
    assert weights["members"] == alone
    assert weights["name"] == "2 averaged: 0.safetensors, 1.safetensors"
    runs = [path.parent / f"fold-{number}" / "model.safetensors" for number, path in enumerate(files)]
    for path, run in zip(files, runs, strict=True):
        run.parent.mkdir()
        shutil.copy(path, run)
    same_names = segment(ct, weights=runs, **HOW).manifest["weights"]
    assert same_names["name"] == "2 averaged: fold-0/model.safetensors, fold-1/model.safetensors"
    assert same_names["sha256"] == weights["sha256"]
    assert (weights["licence"], weights["backbone"]) == ("Apache-2.0", "residual_unet")
    assert weights["sha256"] not in {member["sha256"] for member in alone}
    turned = segment(ct, weights=files[::-1], **HOW).manifest["weights"]
    assert turned["sha256"] == weights["sha256"]
    assert "members" not in alone[0]


def test_checkpoints_that_do_not_go_together_are_refused(tmp_path, ct, files):
    model = load_model(files[0], torch.device("cpu"))
    model.spec = replace(model.spec, preprocess=replace(model.spec.preprocess, spacing_mm=(2.0, 2.0, 2.0)))
    save_checkpoint(tmp_path / "finer.safetensors", model)
    with pytest.raises(UsageError, match=r"finer.safetensors: cannot be averaged with .*0.safetensors: spacing_mm"):
        segment(ct, weights=[files[0], tmp_path / "finer.safetensors"], **HOW)
    with pytest.raises(UsageError, match="no weights are named"):
        Segmenter([])
    for strange in (None, 3, [None], {"a": 1}):
        with pytest.raises(UsageError, match="weights are named or given as a model, not as a"):
            segment(ct, weights=strange, **HOW)


@pytest.mark.parametrize("average", ["probabilities", "weights"])
def test_of_weights_with_a_second_pass_the_first_is_averaged(tmp_path, ct, files, average):
    model = with_small_second_pass(load_model(files[0]))
    save_checkpoint(tmp_path / "both.safetensors", model)
    with pytest.warns(CaseWarning, match=r"both.safetensors: without its second pass, liver_tumour are"):
        found = segment(ct, weights=[tmp_path / "both.safetensors", files[1]], average=average, **HOW)
    expected = segment(ct, weights=files, average=average, **HOW)
    np.testing.assert_array_equal(found.bits, expected.bits)
    assert found.manifest["weights"]["sha256"] == expected.manifest["weights"]["sha256"]
    assert "second_pass" not in found.manifest


def test_a_scan_that_a_member_learned_from_is_marked(ct):
    learned, other = ThresholdModel(SPEC), ThresholdModel(SPEC)
    assert "trained_on_this_scan" not in segment(ct, weights=other, **HOW).manifest["weights"]
    learned.spec = replace(learned.spec, training={"trained_on": [scan_digest(slice_hashes(ct))]})
    assert segment(ct, weights=[other, learned], **HOW).manifest["weights"]["trained_on_this_scan"] is True
    part = slice_hashes(ct)[:-3]
    learned.spec = replace(learned.spec, training={"trained_on": ["x"], "trained_on_rows": " ".join(sketch(part))})
    assert segment(ct, weights=learned, **HOW).manifest["weights"]["trained_on_this_scan"] is True
    learned.spec = replace(learned.spec, training={"trained_on": ["0123456789abcdef"]})
    assert segment(ct, weights=learned, **HOW).manifest["weights"]["trained_on_this_scan"] is False
    assert "trained_on_this_scan" not in segment(ct, weights=[other, learned], **HOW).manifest["weights"]
    unknown = {"started_from": {"file": "x", "says_all_trained_on": False}, "trained_on": ["0123456789abcdef"]}
    learned.spec = replace(learned.spec, training=unknown)
    assert "trained_on_this_scan" not in segment(ct, weights=learned, **HOW).manifest["weights"]


def test_models_of_different_structures_give_the_union_each_by_those_that_know_it(ct):
    keys = list(BANDS_HU)
    one, other = ({key: BANDS_HU[key] for key in some} for some in (keys[1:], [keys[0], *keys[2:]]))
    alone = [segment(ct, weights=ThresholdModel(SPEC, bands), **HOW) for bands in (one, other)]
    both = segment(ct, weights=[ThresholdModel(SPEC, one), ThresholdModel(SPEC, other)], **HOW)
    assert both.classes == (*one, keys[0])
    assert np.array_equal(both.mask(keys[0]), alone[1].mask(keys[0]))
    assert np.array_equal(both.mask(keys[1]), alone[0].mask(keys[1]))
    assert np.array_equal(both.mask(keys[2]), alone[0].mask(keys[2]))
    members = both.manifest["weights"]["members"]
    assert [member["classes"] for member in members] == [list(one), list(other)]
    assert both.manifest["weights"]["classes_sha256"] not in {member["classes_sha256"] for member in members}
    some = segment(ct, weights=[ThresholdModel(SPEC, one), ThresholdModel(SPEC, other)], classes=[keys[0]], **HOW)
    assert some.classes == (keys[0],)
    assert np.array_equal(some.mask(keys[0]), both.mask(keys[0]))


def test_a_model_that_knows_nothing_asked_for_is_not_run(ct):
    class Never(ThresholdModel):
        def forward(self, *_):
            raise AssertionError("run for nothing")

    keys = list(BANDS_HU)
    ran, idle = ThresholdModel(SPEC, {keys[0]: BANDS_HU[keys[0]]}), Never(SPEC, {keys[1]: BANDS_HU[keys[1]]})
    assert segment(ct, weights=[idle, ran], classes=[keys[0]], **HOW).mask(keys[0]).any()


def test_a_soup_is_one_network_with_the_mean_of_the_weights(tmp_path, ct, files):
    from omentum.model.soup import average_models

    models = [load_model(path) for path in files]
    save_checkpoint(tmp_path / "soup.safetensors", average_models(models, ["0.safetensors", "1.safetensors"]))
    expected = segment(ct, weights=tmp_path / "soup.safetensors", **HOW)
    found = segment(ct, weights=files, average="weights", **HOW)
    assert np.array_equal(found.bits, expected.bits)
    weights = found.manifest["weights"]
    assert [member["name"] for member in weights["soup"]] == ["0.safetensors", "1.safetensors"]
    assert weights["sha256"] == expected.manifest["weights"]["sha256"]
    assert found.manifest["options"]["average"] == "weights"
    assert "average" not in expected.manifest["options"]
    with pytest.raises(UsageError, match="average is one of probabilities, weights"):
        segment(ct, weights=files, average="both", **HOW)


def test_one_set_of_weights_is_what_it_is_however_it_is_averaged(ct, files):
    alone, averaged = (segment(ct, weights=files[:1], average=how, **HOW) for how in ("probabilities", "weights"))
    assert np.array_equal(alone.bits, averaged.bits)
