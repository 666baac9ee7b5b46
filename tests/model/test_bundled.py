"""The weights that come with the package."""

import json
from importlib import resources

from omentum.anatomy import STRUCTURES
from omentum.model import load_model, read_spec

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
