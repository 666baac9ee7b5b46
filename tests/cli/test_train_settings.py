"""Settings that make no sense: one line that names the setting, exit code 2, and no folder of a run."""

import pytest
from toy_cases import toy_volume
from toy_run import CONFIG, EMBEDDINGS

from omentum.cli import main
from omentum.io.truth import write_case
from omentum.train import fresh_model

SETTINGS = {
    "parameters": f"{{widths=[8, 16, 16], stem={CONFIG.parameters['stem']}, blocks=1, decoded_channels=4}}",
    "spacing_mm": "[3, 3, 3]",
    "patch": "[16, 16, 16]",
    "workers": "0",
    "steps": "1",
}
SENSELESS = {
    "patch": ["[50, 50, 50]", "[0, 16, 16]", "[-16, 16, 16]", "[8, 8, 8]", "16", "[16, 16]", "[16.0, 16, 16]"],
    "spacing_mm": [
        "[0, 3, 3]",
        "[-3, 3, 3]",
        "[nan, 3, 3]",
        "[inf, 3, 3]",
        "[1e-9, 3, 3]",
        "[1e9, 3, 3]",
        '["a", 3, 3]',
    ],
    "window_hu": ["[100, -100]", "[0, 0]", "[nan, 1]", "[-inf, inf]", "[1]"],
    "steps": ["0", "1.5", '"many"', "true", "nan"],
    "batch": ["0", "3.0"],
    "lr": ["nan", "inf", "-1", "true"],
    "muon_lr": ["inf"],
    "weight_decay": ["inf"],
    "head_weight": ["inf", "nan"],
    "deep_supervision_weight": ["inf"],
    "containment_weight": ["inf", "-1"],
    "temperature": ["0", "nan", "1e-300"],
    "seed": ["-1", "1.5", str(2**63)],
    "validate_every": ["0"],
    "first_logit": ["nan", "1e300"],
    "patches_per_case": ["0"],
    "centres": ["3", "[1]", "[nan, 1]"],
    "datasets": ["3", "{a=3}"],
    "trainable": ["3", '["nothing"]'],
    "parameters": ["3", "{widths=[]}", "{widths=[0, 1, 2]}", "{widths=[8, 16, -16]}", "{stem=0}", "{nonsense=1}"],
    "init": ["3", "/nonexistent"],
    "backbone": ["nothing"],
    "augmentation": ["3"],
    "augmentation.scale": ["[1e-6, 1e-6]", "[1, inf]", "[1, 1e6]"],
    "augmentation.elastic_voxels": ["1e9"],
    "augmentation.magnify": ["[1, 0.001, 0.001]"],
    "augmentation.structure_hu": ["[1, 1e300]"],
    "augmentation.intensity_shift": ["[1, 1e300]"],
    "data": ["3", "[3]", "[{folder=3}]", "{folder='x'}"],
    "data weight": [
        "[{folder='CASES', weight=nan}]",
        "[{folder='CASES', weight=inf}]",
        "[{folder='CASES', weight='x'}]",
    ],
    "data validation": ["[{folder='CASES', validation=-1}]", "[{folder='CASES', validation='x'}]"],
    "data weights": ["[{store='CASES', weights=3}]", "[{store='CASES', weights={a='x'}}]"],
    "pairs": ["3", "[3]", "[{}]"],
    "pairs mapping": [
        "[{image='a', labels='b', mapping=3}]",
        "[{image='a', labels='b', mapping={x='liver'}}]",
        "[{image='a', labels='b', mapping={1=3}}]",
    ],
    "pairs weight": ["[{image='a', labels='b', mapping={1='liver'}, weight=nan}]"],
    "pairs image": ["[{image=3, labels='b', mapping={}}]"],
}
NAMED = {
    "pairs": "pairs|table|PairConfig",
    "backbone": "network type",
    "init": "init|/nonexistent",
    "data": "table|folder",
    "augmentation": "table",
}


@pytest.fixture(autouse=True)
def made_up_embeddings(monkeypatch):
    monkeypatch.setattr(fresh_model, "embed", lambda prompts, encoder: EMBEDDINGS[: len(prompts)])


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    write_case(folder / "toy", *toy_volume(0), {})
    return folder


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning")
@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in SENSELESS.items() for value in values])
def test_a_senseless_setting_is_named_and_nothing_is_written(name, value, cases, tmp_path, capsys):
    key, _, word = name.partition(" ")
    values = {**SETTINGS, key: value.replace("CASES", str(cases))}
    told = [part for k, v in values.items() for part in ("--set", f"{k}={v}")]
    given = [] if key in ("data", "pairs") else ["--data", str(cases)]
    assert main(["train", "smoke", *given, "-o", str(tmp_path / "run"), *told]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    words = NAMED.get(name, word or key.rpartition(".")[2]).split("|")
    assert any(one in error for one in words)
    assert "internal fault" not in error
    assert not (tmp_path / "run").exists()


def test_a_batch_that_cannot_be_divided_leaves_no_folder_either(cases, tmp_path, capsys):
    told = [part for k, v in {**SETTINGS, "accumulation_steps": "5"}.items() for part in ("--set", f"{k}={v}")]
    assert main(["train", "smoke", "--data", str(cases), "-o", str(tmp_path / "run"), *told]) == 2
    assert "cannot be divided" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_dry_run_refuses_a_patch_too(cases, capsys):
    told = [part for k, v in {**SETTINGS, "patch": "[20, 16, 16]"}.items() for part in ("--set", f"{k}={v}")]
    assert main(["train", "smoke", "--data", str(cases), "--dry-run", *told]) == 2
    assert "multiples of 8" in capsys.readouterr().err


def test_a_memory_that_is_too_small_is_told_with_a_remedy(cases, tmp_path, capsys):
    """A grid of needles: turned by degrees, a patch spans more voxels across than any memory holds."""
    values = {**SETTINGS, "spacing_mm": "[0.1, 0.1, 50]", "patch": "[16, 16, 1024]", "augmentation.rotation_deg": "45"}
    told = [part for k, v in values.items() for part in ("--set", f"{k}={v}")]
    assert main(["train", "smoke", "--data", str(cases), "-o", str(tmp_path / "run"), *told]) == 2
    assert "memory is full" in capsys.readouterr().err


def test_classes_may_be_named_in_words(capsys):
    assert main(["train", "smoke", "--classes", "both kidneys, Leber", "--show"]) == 0
    assert 'classes = ["both kidneys", "Leber"]' in capsys.readouterr().out
