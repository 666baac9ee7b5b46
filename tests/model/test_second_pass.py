"""A second network in one checkpoint: kept, checked, and left out where only the first can be used."""

import json
from dataclasses import replace

import pytest
import torch
from json_schemas import fault_of
from small_models import second_network, small_model, with_small_second_pass

from omentum.cli import main
from omentum.errors import CaseWarning, CheckpointError, UsageError
from omentum.model import initialise, load_checkpoint, read_spec, save_checkpoint
from omentum.model.adapters import with_adapter
from omentum.model.checkpoint import save_with_thresholds, save_with_trust
from omentum.model.growth.second_pass import first_pass_of, with_second_pass
from omentum.model.growth.specialist import with_specialist
from omentum.model.growth.widen import widened
from omentum.model.soup import average_models
from omentum.spec import CheckpointSpec, ClassSpec, RegionSpec, Trust

REGION = RegionSpec(("liver",), ("liver_tumour",), 9.0)


def both():
    first = small_model("residual_unet")
    return first, with_small_second_pass(first)


def test_a_file_holds_both_and_gives_both_back(tmp_path):
    first, model = both()
    save_checkpoint(tmp_path / "both.safetensors", model)
    back = load_checkpoint(tmp_path / "both.safetensors")
    assert back.spec == model.spec
    assert json.loads(back.spec.to_json())["format"] == 6
    assert all(torch.equal(tensor, back.state_dict()[name]) for name, tensor in model.state_dict().items())
    x = torch.rand(1, 1, 32, 32, 32)
    with torch.inference_mode():
        assert torch.equal(back(x), first(x))
        assert back.second_pass(torch.rand(1, 2, 16, 16, 16)).shape == (1, 1, 16, 16, 16)


def test_a_region_with_a_window_of_its_own_is_kept(tmp_path):
    first, model = both()
    lung = replace(REGION, window_hu=(-200.0, 1500.0), median_above_hu=-200.0)
    save_checkpoint(tmp_path / "w.safetensors", with_second_pass(first, second_network(first, "liver_tumour"), [lung]))
    assert read_spec(tmp_path / "w.safetensors").second_pass.regions == (lung,)
    assert not {"window_hu", "median_above_hu"} & model.spec.second_pass.regions[0].to_json().keys()
    with pytest.raises(ValueError, match="window from 5 to 5"):
        replace(REGION, window_hu=(5, 5))
    with pytest.raises(ValueError, match="above inf HU"):
        replace(REGION, median_above_hu=float("inf"))


def test_operating_points_and_trust_are_those_of_the_pass_that_computes_a_class():
    first, model = both()
    assert model.spec.thresholds == {**first.spec.thresholds, "liver_tumour": 0.3}
    assert model.spec.minimum_ml == {"liver_tumour": 0.5}
    assert model.spec.trust["liver_tumour"] is Trust.WEAK
    assert model.spec.classes == first.spec.classes


def test_earlier_descriptions_are_written_as_before():
    first = small_model("residual_unet")
    assert "second_pass" not in json.loads(first.spec.to_json())


def test_classes_and_organs_must_be_those_of_the_first_pass():
    first = small_model("residual_unet")
    with pytest.raises(UsageError, match="kidney_cyst"):
        with_second_pass(first, second_network(first, "kidney_cyst"), [replace(REGION, classes=("kidney_cyst",))])
    with pytest.raises(UsageError, match="pancreas"):
        with_second_pass(first, second_network(first), [replace(REGION, organs=("pancreas",))])
    with pytest.raises(ValueError, match="each of its classes once"):
        with_second_pass(first, second_network(first), [])
    _, model = both()
    raw = json.loads(model.spec.to_json())
    raw["second_pass"]["regions"][0]["organs"] = ["pancreas"]
    with pytest.raises(CheckpointError, match="second pass does not fit"):
        CheckpointSpec.from_json(json.dumps(raw))


@pytest.mark.parametrize("damage", [{"regions": 3}, {"classes": [{}]}, {"model": {"backbone": "x", "head": "y"}}, {}])
def test_damaged_descriptions_are_refused(damage):
    _, model = both()
    raw = json.loads(model.spec.to_json())
    raw["second_pass"] = {**raw["second_pass"], **damage} if damage else []
    with pytest.raises(CheckpointError, match="cannot be read"):
        CheckpointSpec.from_json(json.dumps(raw))


def test_the_first_pass_alone():
    first, model = both()
    with pytest.warns(CaseWarning, match="both: without its second pass, liver_tumour"):
        alone = first_pass_of(model, "both")
    assert alone.spec == first.spec
    assert alone.state_dict().keys() == first.state_dict().keys()
    assert first_pass_of(first, "first") is first


def test_growth_keeps_the_second_pass_or_refuses_it():
    _, model = both()
    grown = with_adapter(model, (ClassSpec("pancreas", "A pancreas"),), torch.randn(1, 12))
    wide = widened(model, 16, 16)
    for one in (grown, wide):
        kept = one.second_pass.state_dict()
        assert all(torch.equal(tensor, kept[name]) for name, tensor in model.second_pass.state_dict().items())
    with pytest.raises(UsageError, match="second pass"):
        average_models([model, model], ["one", "other"])


def test_a_specialist_is_one_of_the_first_pass():
    first, model = both()
    trained = small_model("residual_unet")
    with torch.no_grad():
        trained.head.controller.bias[-1] += 1
    merged = with_specialist(model, trained, ["liver"])
    x = torch.rand(1, 1, 32, 32, 32)
    with torch.inference_mode():
        assert torch.allclose(merged(x)[:, :1], trained(x)[:, :1], atol=1e-5)
        assert torch.equal(merged(x, [1, 2]), first(x, [1, 2]))
    kept = merged.second_pass.state_dict()
    assert merged.spec.second_pass == model.spec.second_pass
    assert all(torch.equal(tensor, kept[name]) for name, tensor in model.second_pass.state_dict().items())
    for one, other in ((model, trained), (trained, model)):
        with pytest.raises(UsageError, match="a second pass computes liver_tumour"):
            with_specialist(one, other, ["liver", "liver_tumour"])


def test_training_starts_from_the_first_pass(tmp_path):
    first, model = both()
    save_checkpoint(tmp_path / "both.safetensors", model)
    fresh = small_model("residual_unet")
    with pytest.warns(CaseWarning, match="only its first pass is taken, not the second, which finds liver_tumour"):
        report = initialise(fresh, tmp_path / "both.safetensors")
    assert report.complete
    assert torch.equal(fresh.backbone.expand.weight, first.backbone.expand.weight)


def test_operating_points_are_moved_in_the_pass_that_computes_a_class(tmp_path):
    first, model = both()
    save_checkpoint(tmp_path / "both.safetensors", model)
    moved = tmp_path / "moved.safetensors"
    save_with_thresholds(moved, tmp_path / "both.safetensors", {"liver_tumour": 0.7, "liver": 0.4})
    spec = read_spec(moved)
    assert spec.thresholds == {"liver": 0.4, "spleen": 0.5, "liver_tumour": 0.7}
    assert {c.key: c.threshold for c in spec.classes}["liver_tumour"] == 0.5
    save_with_trust(tmp_path / "judged.safetensors", moved, {"liver_tumour": Trust.RELIABLE}, "ten patients")
    judged = read_spec(tmp_path / "judged.safetensors")
    assert judged.trust == {**first.spec.trust, "liver_tumour": Trust.RELIABLE}
    assert judged.training["trust_from"] == "ten patients"


def test_info_describes_both_passes(tmp_path, capsys):
    _, model = both()
    save_checkpoint(tmp_path / "both.safetensors", model)
    assert main(["weights", "info", str(tmp_path / "both.safetensors"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert fault_of(facts) is None
    assert [c["threshold"] for c in facts["classes"] if c["key"] == "liver_tumour"] == [0.3]
    assert facts["second_pass"]["regions"][0]["organs"] == ["liver"]
