"""Transfer: `omentum train --init WEIGHTS --task FILE`, from the task's file to a segmentation by its result."""

import json

import pytest
import torch
from toy_cases import toy_volume
from toy_run import CONFIG, EMBEDDINGS

import omentum
from omentum.anatomy import STRUCTURES
from omentum.cli import main
from omentum.io.nifti import write_volume
from omentum.io.truth import write_case
from omentum.model import load_model, read_spec
from omentum.train import fresh_model
from omentum.train.config.task import FEW_CASES, load_task
from omentum.train.config.toml_file import parse_settings, presets

NETWORK = f"widths=[8, 16, 16], stem={CONFIG.parameters['stem']}, blocks=1, decoded_channels=4"
SHORT = ["steps=2", "save_every=2", "validate_every=2", "warmup_steps=1", "batch=1", "workers=0", "bf16=false"]
SHORT += ["ema_decay=0"]


@pytest.fixture(autouse=True)
def made_up_embeddings(monkeypatch):
    rows = {key: EMBEDDINGS[k] for k, key in enumerate(STRUCTURES.default_keys)}
    nouns = {STRUCTURES[key].noun: row for key, row in rows.items()}

    def embed(prompts, encoder):
        return torch.stack([nouns[prompt.split(" of a ")[1]] for prompt in prompts])

    monkeypatch.setattr(fresh_model, "embed", embed)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Two cases, and weights that know three of their structures."""
    monkeypatch.chdir(tmp_path)
    for seed in range(2):
        ct, truth = toy_volume(seed)
        write_case(tmp_path / "cases" / f"toy_{seed}", ct, truth, {})
    write_volume("ct.nii.gz", ct)
    settings = [f"parameters={{{NETWORK}}}", "spacing_mm=[4, 4, 4]", "patch=[16, 16, 16]", "window_hu=[-200, 300]"]
    settings += ["classes=['liver', 'aorta', 'kidneys']", *SHORT]
    assert train("smoke", "--data", "cases", "-o", "first", settings=settings) == 0
    (tmp_path / "task.toml").write_text('classes = ["liver tumour", "liver"]\n[[data]]\nfolder = "cases"\n')
    return tmp_path


def train(*arguments, settings=SHORT):
    return main(["train", *map(str, arguments), *(part for setting in settings for part in ("--set", setting))])


FIRST = "first/model.safetensors"


@pytest.mark.parametrize("mode", ["full", "head", "adapters", "plain"])
def test_a_task_is_trained_in_every_mode_and_its_result_segments(here, mode, capsys):
    assert train("--init", FIRST, "--task", "task.toml", "-o", "run", "--set", f"mode={mode}") == 0
    told = capsys.readouterr().err
    assert "2 training cases: settings of the preset transfer-1" in told
    assert "network and grid of model.safetensors" in told
    spec, before = read_spec("run/model.safetensors"), read_spec(FIRST)
    assert spec.class_keys == ("liver_tumour", "liver")
    assert spec.preprocess == before.preprocess
    assert spec.model.parameters == before.model.parameters
    assert spec.training["config"]["mode"] == mode
    assert spec.training["started_from"]["file"] == "model.safetensors"
    assert before.scans_seen.digests <= spec.scans_seen.digests
    words = ["-w", "run/model.safetensors", "--no-report", "--no-preview", "--quiet"]
    assert main(["segment", "ct.nii.gz", "-o", "out", *words]) == 0
    manifest = json.loads((here / "out/ct/manifest.json").read_text())
    assert manifest["options"]["classes"] == ["liver_tumour", "liver"]


def test_only_what_the_mode_names_is_trained_or_loaded(here):
    first = load_model(FIRST)
    for mode in ("head", "adapters", "plain"):
        assert train("--init", FIRST, "--task", "task.toml", "-o", mode, "--set", f"mode={mode}") == 0
    head, adapted, plain = (load_model(f"{mode}/model.safetensors") for mode in ("head", "adapters", "plain"))
    theirs = dict(first.named_parameters())
    assert all(torch.equal(p, theirs[f"backbone.{name}"]) for name, p in head.backbone.named_parameters())
    assert not torch.equal(head.head.controller.weight, first.head.controller.weight)
    assert all(torch.equal(p, theirs[f"backbone.{name}"]) for name, p in adapted.backbone.named_parameters())
    assert torch.equal(adapted.head.controller.weight, first.head.controller.weight)
    assert any(p.abs().sum() > 0 for p in adapted.adapters[0].up.values())
    assert any(not torch.equal(p, theirs[f"backbone.{name}"]) for name, p in plain.backbone.named_parameters())
    assert plain.head.classifier.weight.shape == (5, 2)


def test_a_plain_head_needs_no_language_model(here, monkeypatch):
    def missing(*_):
        raise AssertionError("the language model was asked")

    monkeypatch.setattr(fresh_model, "embed", missing)
    monkeypatch.setattr("omentum.text.encoder.check", missing)
    assert train("--init", FIRST, "--task", "task.toml", "-o", "run", "--set", "mode=plain") == 0


def test_the_file_takes_precedence_over_the_weights_and_the_command_line_over_both(here):
    (here / "mine.toml").write_text(
        'classes = ["liver"]\nspacing_mm = [5.0, 5.0, 5.0]\nlr = 0.004\nmuon_lr = 0.5\n[[data]]\nfolder = "cases"\n'
        "[augmentation]\nslab = 0.125\n"
    )
    config = load_task("mine.toml", FIRST, {"lr": 0.003})
    assert (config.lr, config.muon_lr, config.spacing_mm) == (0.003, 0.5, (5.0, 5.0, 5.0))
    assert (config.patch, config.window_hu) == ((16, 16, 16), (-200.0, 300.0))
    assert config.augmentation.slab == 0.125
    preset = omentum.load_config("transfer-1", data=["cases"])
    assert config.steps == preset.steps
    assert config.augmentation.rotation_deg == preset.augmentation.rotation_deg


@pytest.mark.parametrize(
    ("more", "preset"),
    [("", "transfer-1"), ("[[data]]\nfolder = 'many'\n", "transfer-5"), ("preset = 'transfer-20'", "transfer-20")],
)
def test_the_preset_is_that_of_the_number_of_training_cases(here, more, preset):
    for number in range(9):
        (here / f"many/case_{number}").mkdir(parents=True)
        (here / f"many/case_{number}/case.json").write_text("{}")
    head = more if more.startswith("preset") else ""
    data = more if more.startswith("[[data]]") else ""
    text = f"{head}\nclasses = ['liver']\n[[data]]\nfolder = 'cases'\nvalidation = 1\n{data}"
    (here / "mine.toml").write_text(text)
    assert load_task("mine.toml", FIRST).steps == omentum.load_config(preset, data=["cases"]).steps


def test_every_preset_of_a_number_of_cases_is_packaged():
    assert set(FEW_CASES.values()) <= set(presets())


def test_plan_and_settings_of_a_task_can_be_shown_before_it_is_run(here, capsys):
    before = sorted(here.rglob("*"))
    assert train("--init", FIRST, "--task", "task.toml", "--show") == 0
    shown = capsys.readouterr().out
    assert 'classes = ["liver tumour", "liver"]' in shown
    assert "spacing_mm = [4.0, 4.0, 4.0]" in shown
    (here / "shown.toml").write_text(shown)
    assert omentum.load_config("shown.toml") == load_task("task.toml", FIRST, parse_settings(SHORT))
    (here / "shown.toml").unlink()
    assert train("--init", FIRST, "--task", "task.toml", "--dry-run", "--set", "mode=head") == 0
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "text", "message"),
    [
        (["--task", "t.toml"], "", "t.toml: a task starts from initial weights (--init"),
        (["--init", FIRST, "--task", "t.toml"], "classes = []\n", "t.toml: a task names its structures"),
        (["smoke", "--init", FIRST, "--task", "t.toml"], "", "give one of the two"),
        (["--init", "nowhere.safetensors", "--task", "t.toml"], "", "nowhere.safetensors: no such file"),
        (["--init", FIRST, "--task", "t.toml"], "mode = 'some'\n", "t.toml: mode is one of full, head,"),
        (["--init", FIRST, "--task", "t.toml"], "mode = 3\n", "mode is one of full, head,"),
        (["--init", FIRST, "--task", "t.toml"], "preset = 'few'\n", "knows no preset 'few'"),
        (["--init", FIRST], "", "needs a configuration"),
        (["smoke", "--data", "cases", "--set", "mode=head"], "", "mode head freezes the backbone"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(here, arguments, text, message, capsys):
    given = text if "classes" in text else f"{text}classes = ['liver']\n"
    (here / "t.toml").write_text(f"{given}[[data]]\nfolder = 'cases'\n")
    capsys.readouterr()
    assert train(*arguments, "-o", "run") == 2
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert error.startswith("error: ")
    assert message in error
    assert not (here / "run").exists()


def test_structures_that_no_case_is_annotated_for_are_told(here, capsys):
    (here / "task.toml").write_text('classes = ["aorta", "liver"]\n[[data]]\nfolder = "cases"\n')
    assert train("--init", FIRST, "--task", "task.toml", "-o", "run") == 0
    assert "annotated in no training case, so their outputs are not trained: aorta" in capsys.readouterr().err
