from pathlib import Path

import pytest

from omentum.errors import CaseWarning, UsageError
from omentum.train.config.dataset_settings import DatasetConfig
from omentum.train.config.toml_file import load_config, parse_settings, presets

RECIPES = Path(__file__).parents[3] / "recipes" / "default"


def write(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file(tmp_path):
    config = load_config(write(tmp_path, 'init = "w"\n[[data]]\nfolder = "cases"\nvalidation = 2\n'))
    assert config.data[0].folder == str(tmp_path / "cases")
    assert config.data[0].validation == 2
    assert config.init == str(tmp_path / "w")


def test_a_store_stands_in_place_of_a_folder(tmp_path):
    (data,) = load_config(write(tmp_path, '[[data]]\nstore = "../store"\n')).data
    assert (data.folder, data.store) == ("", str((tmp_path / "../store").resolve()))


def test_overrides_win_and_tables_are_merged(tmp_path):
    path = write(tmp_path, 'steps = 5\n[[data]]\nfolder = "c"\n[augmentation]\nflip = 0.1\nslab = 0.2\n')
    settings = ["steps=9", "augmentation.flip = 0.3", "optimiser=sgd", "patch=[64, 64, 32]", "lr=1"]
    config = load_config(path, parse_settings(settings))
    assert (config.steps, config.optimiser, config.patch, config.lr) == (9, "sgd", (64, 64, 32), 1.0)
    assert (config.augmentation.flip, config.augmentation.slab) == (0.3, 0.2)


def test_data_on_the_command_line_replaces_the_files(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store/store.json").write_text("{}")
    pair = '[[pairs]]\nimage = "a/ct.nii"\nlabels = "l.nii"\nmapping = {}'
    text = f'[[data]]\nfolder = "c"\n[[data]]\nfolder = "cases"\n{pair}'
    with pytest.warns(CaseWarning, match="run.toml: not trained on, since --data stands in place of it: c, ct.nii$"):
        config = load_config(write(tmp_path, text), data=[tmp_path / "store", tmp_path / "cases"])
    assert config.pairs == ()
    found = config.data
    assert [(d.store, d.folder) for d in found] == [(str(tmp_path / "store"), ""), ("", str(tmp_path / "cases"))]


@pytest.mark.filterwarnings("ignore:.*stands in place of it:omentum.errors.CaseWarning")
@pytest.mark.parametrize("name", ["published", "compact", "smoke", *sorted(RECIPES.glob("[1-3]_*.toml"))])
def test_nothing_is_mirrored_unless_it_is_asked_for(tmp_path, name):
    assert load_config(name, data=[tmp_path]).augmentation.flip == 0
    plain = load_config(write(tmp_path, "steps = 5\n"), data=[tmp_path])
    assert plain.augmentation.flip == 0


@pytest.mark.parametrize("name", ["published", "compact", "smoke"])
def test_presets_are_known_by_name_and_need_only_data(tmp_path, name):
    assert presets()[name]
    config = load_config(name, data=[tmp_path])
    assert config.steps > 1
    with pytest.raises(UsageError, match="nothing to train on"):
        load_config(name)


def test_a_dataset_may_have_settings_of_its_own(tmp_path):
    path = write(tmp_path, '[[data]]\nfolder = "c"\n[datasets.lits]\ncentres = [1, 1, 5]\n')
    found = load_config(path, parse_settings(["datasets.lits.magnify=[0.3, 1.3, 1.5]", "datasets.word.centres=[0, 1]"]))
    assert found.datasets["lits"] == DatasetConfig((1, 1, 5), (0.3, 1.3, 1.5))
    assert found.datasets["word"] == DatasetConfig((0, 1))


@pytest.mark.parametrize("name", ["1_small_patches", "2_large_patches", "3_rare_structures"])
def test_the_recipes_of_the_bundled_model_are_read(name):
    config = load_config(RECIPES / f"{name}.toml")
    assert config.temperature == float("inf")
    assert config.augmentation.structure_hu == (0.2, 20.0)
    assert config.augmentation.flip == 0


def test_a_file_may_start_from_a_preset(tmp_path):
    config = load_config(write(tmp_path, 'preset = "compact"\nsteps = 7\n[[data]]\nfolder = "c"\n'))
    assert (config.steps, config.ema_decay, config.augmentation.slab) == (7, 0.995, 0.2)
    other = load_config(write(tmp_path, 'preset = "smoke"\nbackbone = "unet"\n[parameters]\n[[data]]\nfolder = "c"\n'))
    assert other.parameters == {}


@pytest.mark.parametrize("backbone", ["swin_unetr", "unet"])
def test_another_backbone_takes_no_parameters_of_the_first(tmp_path, backbone):
    assert load_config("smoke", {"backbone": backbone}, data=[tmp_path]).parameters == {}
    given = load_config("smoke", parse_settings([f"backbone={backbone}", "parameters={a=1}"]), data=[tmp_path])
    assert given.parameters == {"a": 1}
    path = write(tmp_path, 'parameters = {stem = 3}\n[[data]]\nfolder = "c"\n')
    assert load_config(path, {"backbone": backbone}).parameters == {}
    assert load_config(path, {"backbone": "residual_unet", "parameters": {"blocks": 1}}).parameters == {
        "stem": 3,
        "blocks": 1,
    }


def test_weights_with_a_name_are_no_path(tmp_path):
    assert load_config("smoke", {"init": "default"}, data=[tmp_path]).init == "default"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('temperature = 0.0\n[[data]]\nfolder = "c"\n', "temperature must be at least 0.1"),
        ('lesion_weight = -1.0\n[[data]]\nfolder = "c"\n', "lesion_weight must be 0 or more"),
        ('[[data]]\nfolder = "c"\nweight = 0.0\n', "weights in .* must be above 0"),
        ('[[data]]\nfolder = "c"\nweights = {lits = 2.0}\n', "names the datasets of a store"),
        ('[augmentation]\nnoise = 2.0\n[[data]]\nfolder = "c"\n', "noise: a probability is at most 1"),
        ('[augmentation]\nscale = [1.3, 0.8]\n[[data]]\nfolder = "c"\n', "scale: a range goes up"),
        ("steps = 5", "nothing to train on"),
        ("[[data]]\nweight = 2.0", "needs a folder or a store"),
        ('[[data]]\nfolder = "a"\nstore = "b"', "needs a folder or a store"),
        ('stepz = 5\n[[data]]\nfolder = "c"\n', r"unknown setting 'stepz' \(did you mean 'steps'\?\)"),
        ('foo = 5\n[[data]]\nfolder = "c"\n', r"unknown setting 'foo' \(known are data, pairs, split"),
        ('[[data]]\nfolder = "c"\n[augmentation]\nflipp = 1.0', r"'flipp' in augmentation \(did you mean 'flip'\?\)"),
        ('[[data]]\nfolder = "c"\nwieght = 2', r"unknown setting 'wieght' in \[\[data\]\] \(did you mean 'weight'\?\)"),
        ('[[pairs]]\nimage = "a"', r"\[\[pairs\]\] needs labels, mapping"),
        ('init_parts = ["head"]\n[[data]]\nfolder = "c"\n', "init_parts are parts of init, which is not given"),
        ('clip_norm = 0\n[[data]]\nfolder = "c"\n', r"clip_norm is above 0, got 0.0 \(clip_norm = inf does not limit"),
        ('subsample_factor = 3\n[[data]]\nfolder = "c"\n', "subsample_factor"),
        ('steps = 0\n[[data]]\nfolder = "c"\n', "steps must be at least 1"),
        ('steps = "many"\n[[data]]\nfolder = "c"\n', "steps is a int, got 'many'"),
        ('lr = nan\n[[data]]\nfolder = "c"\n', "lr must be at least 0"),
        ('ema_decay = 1.5\n[[data]]\nfolder = "c"\n', "ema_decay must lie between 0 and 1"),
        ('patch = [96, 96]\n[[data]]\nfolder = "c"\n', "patch takes 3 numbers"),
        ('optimiser = "adam"\n[[data]]\nfolder = "c"\n', "optimiser is one of muon, adamw, sgd"),
        ('dice = "slab"\n[[data]]\nfolder = "c"\n', "dice is one of present, annotated, slabs, got 'slab'"),
        ('cross_entropy = "total"\n[[data]]\nfolder = "c"\n', "cross_entropy is one of sum, mean"),
        ('first_logit = inf\n[[data]]\nfolder = "c"\n', "first_logit lies within"),
        ('lr_update_every = 0\n[[data]]\nfolder = "c"\n', "lr_update_every must be at least 1"),
        ('patches_per_case = 0\n[[data]]\nfolder = "c"\n', "patches_per_case must be at least 1"),
        ('centres = [1]\n[[data]]\nfolder = "c"\n', "centres takes two or three numbers from 0 on"),
        ('centres = [0, 0]\n[[data]]\nfolder = "c"\n', "centres takes two or three"),
        ('centres = [1, -1]\n[[data]]\nfolder = "c"\n', "centres takes two or three"),
        ('[[data]]\nfolder = "c"\n[datasets.lits]\ncentres = ["a", "b"]', "centres takes two or three"),
        ('[[data]]\nfolder = "c"\n[datasets.lits]\nmagnify = [0.3, 1.3]', r"magnify takes 3 number\(s\)"),
        ('[[data]]\nfolder = "c"\n[datasets.lits]\nzoom = [0.3, 1.3]', r"'zoom' in \[datasets.lits\]"),
        ('datasets = 3\n[[data]]\nfolder = "c"\n', r"datasets is a table of tables.*write \[datasets.KEY\]"),
        ('preset = "huge"\n[[data]]\nfolder = "c"\n', "knows no preset 'huge'"),
        ("steps = ", "Invalid value"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        load_config(write(tmp_path, text))


def test_neither_file_nor_preset(tmp_path):
    with pytest.raises(UsageError, match=r"tiny: no such file or preset \(.*compact, published, smoke"):
        load_config("tiny")


@pytest.mark.parametrize("setting", ["steps", "=5"])
def test_a_setting_is_a_key_and_a_value(setting):
    with pytest.raises(UsageError, match="key=value"):
        parse_settings([setting])
