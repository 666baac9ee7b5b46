"""The weights that come with the package."""

import json
from importlib import resources

import torch

from omentum.anatomy import STRUCTURES
from omentum.model import load_model, read_spec
from omentum.spec import Trust

BUNDLED = resources.files("omentum") / "resources" / "default.safetensors"


def test_the_bundled_model_knows_all_structures_and_is_small():
    spec = read_spec(str(BUNDLED))
    assert spec.class_keys == STRUCTURES.keys
    assert spec.licence == "Apache-2.0"
    with resources.as_file(BUNDLED) as path:
        assert path.stat().st_size < 25_000_000


def test_it_loads_by_name_and_says_how_it_was_trained():
    model = load_model("default")
    assert not model.training
    assert model.spec.training["steps"] > 0


def test_it_does_not_say_where_on_whose_machine_its_data_lay():
    training = json.dumps(read_spec(str(BUNDLED)).training)
    assert '"folder": "procedural"' in training
    assert "/" not in training


def test_the_first_pass_of_the_weights_for_lesions_is_the_bundled_one_but_for_lung_tumours():
    """Every other class is computed as by `default`, and what the second pass computes has its own points and trust."""
    default, lesions = load_model("default"), load_model("lesions")
    assert lesions.spec.class_keys == default.spec.class_keys
    assert [adapter.classes for adapter in lesions.spec.adapters] == [("lung_tumour",)]
    others = [k for k, key in enumerate(default.spec.class_keys) if key != "lung_tumour"]
    x = torch.rand(1, 1, 48, 48, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(lesions(x, others), default(x, others), rtol=1e-3, atol=1e-3)
    kept = [(one, other) for one, other in zip(lesions.spec.classes, default.spec.classes, strict=True)]
    assert all(one == other for one, other in kept if one.key != "lung_tumour")
    second = lesions.spec.second_pass
    found = {"liver_tumour", "kidney_tumour", "kidney_cyst", "pancreas_tumour", "colon_tumour"}
    assert set(second.keys) == found | {"hepatic_vessel", "coeliac_trunk"}
    assert lesions.spec.minimum_ml.keys() == found | {"lung_tumour"}
    assert all(lesions.spec.trust[key] is Trust.WEAK for key in second.keys)
    assert "/" not in json.dumps(lesions.spec.training)
