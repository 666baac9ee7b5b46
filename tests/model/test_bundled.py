"""The weights that come with the package."""

import json
from importlib import resources

import torch

from omentum.anatomy import STRUCTURES
from omentum.model import load_model, read_spec
from omentum.model.growth.second_pass import without_second_pass
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


def test_the_second_pass_draws_small_organs_again_and_looks_for_lesions():
    spec = read_spec(str(BUNDLED))
    drawn_again = {key for region in spec.second_pass.regions for key in region.classes if key in region.organs}
    assert drawn_again >= {
        "spleen",
        "stomach",
        "aorta",
        "right_adrenal",
        "left_adrenal",
        "pancreas",
        "gallbladder",
        "oesophagus",
        "duodenum",
    }
    lesions = {key for key in spec.second_pass.keys if STRUCTURES[key].is_lesion}
    assert lesions == {key for key in STRUCTURES.default_keys if STRUCTURES[key].is_lesion}
    assert set(spec.minimum_ml) >= lesions
    assert all(spec.trust[key] in (Trust.WEAK, Trust.NOT_FOUND) for key in lesions)


def test_the_first_pass_of_the_weights_for_lesions_is_the_bundled_one():
    """To the bit; what the second pass computes has its own operating points and trust."""
    default, lesions = load_model("default"), load_model("lesions")
    first, state = without_second_pass(default), lesions.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in first.state_dict().items())
    second = lesions.spec.second_pass
    found = {f"{host}_tumour" for host in ("liver", "kidney", "pancreas", "lung", "colon")} | {"kidney_cyst"}
    assert set(second.keys) >= found | {"hepatic_vessel", "coeliac_trunk"}
    assert set(second.keys) >= lesions.spec.minimum_ml.keys() >= found
    assert all(lesions.spec.trust[key] is Trust.WEAK for key in found)
    assert "/" not in json.dumps(lesions.spec.training)
