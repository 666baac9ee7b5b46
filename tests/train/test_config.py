from pathlib import Path

import pytest

from omentum.errors import UsageError
from omentum.train.config import load_config

RECIPES = Path(__file__).parents[2] / "recipes" / "default"


def write(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file(tmp_path):
    config = load_config(write(tmp_path, '[[data]]\nfolder = "cases"\nvalidation = 2\n'))
    assert config.data[0].folder == str(tmp_path / "cases")
    assert config.data[0].validation == 2


def test_a_store_stands_in_place_of_a_folder(tmp_path):
    (data,) = load_config(write(tmp_path, '[[data]]\nstore = "../store"\n')).data
    assert (data.folder, data.store) == ("", str((tmp_path / "../store").resolve()))


@pytest.mark.parametrize("name", ["start", "default", "longer"])
def test_the_recipes_of_the_bundled_model_are_read(name):
    config = load_config(RECIPES / f"{name}.toml")
    assert config.temperature == float("inf")
    assert config.augmentation.structure_hu == (0.2, 20.0)
    assert config.augmentation.flip == 0


def test_overrides_win(tmp_path):
    assert load_config(write(tmp_path, 'steps = 5\n[[data]]\nfolder = "c"\n'), {"steps": 9}).steps == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps = 5", "nothing to train on"),
        ("[[data]]\nweight = 2.0", "needs a folder or a store"),
        ('[[data]]\nfolder = "a"\nstore = "b"', "needs a folder or a store"),
        ('stepz = 5\n[[data]]\nfolder = "c"\n', "stepz"),
        ('voxel_share = 3\n[[data]]\nfolder = "c"\n', "voxel_share"),
        ('steps = 0\n[[data]]\nfolder = "c"\n', "steps must be at least 1"),
        ("steps = ", "Invalid value"),
        ('temperature = 0.0\n[[data]]\nfolder = "c"\n', "temperature must be above 0"),
        ('lesion_weight = -1.0\n[[data]]\nfolder = "c"\n', "lesion_weight must be 0 or more"),
        ('[[data]]\nfolder = "c"\nweight = 0.0\n', "weights in .* must be above 0"),
        ('[[data]]\nfolder = "c"\nweights = {lits = 2.0}\n', "names the datasets of a store"),
        ('[augmentation]\nnoise = 2.0\n[[data]]\nfolder = "c"\n', "noise: a probability is at most 1"),
        ('[augmentation]\nscale = [1.3, 0.8]\n[[data]]\nfolder = "c"\n', "scale: a range goes up"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        load_config(write(tmp_path, text))
