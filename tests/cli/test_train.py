import json

import pytest
from own_structures import PAIR, written
from toy_cases import toy_volume
from toy_run import CONFIG, EMBEDDINGS

from omentum.cli import main
from omentum.data.sampling import sampler
from omentum.io.truth import write_case
from omentum.model import read_spec
from omentum.train import fresh_model
from omentum.train.run.folder import claim, locked

SETTINGS = [
    f"parameters={{widths=[8, 16, 16], stem={CONFIG.parameters['stem']}, blocks=1, decoded_channels=4}}",
    "spacing_mm=[3, 3, 3]",
    "patch=[16, 16, 16]",
    "workers=0",
    "steps=4",
    "warmup_steps=1",
]


@pytest.fixture(autouse=True)
def made_up_embeddings(monkeypatch):
    monkeypatch.setattr(fresh_model, "embed", lambda prompts, encoder: EMBEDDINGS[: len(prompts)])


@pytest.fixture
def cases(tmp_path):
    for seed in range(2):
        ct, truth = toy_volume(seed)
        write_case(tmp_path / "cases" / f"toy_{seed}", ct, truth, {})
    return tmp_path / "cases"


def train(*arguments, settings=SETTINGS):
    return main(["train", *map(str, arguments), *(part for setting in settings for part in ("--set", setting))])


def test_a_preset_with_data_and_settings_becomes_a_run(cases, tmp_path, capsys):
    assert train("smoke", "--data", cases, "-o", tmp_path / "run") == 0
    told = capsys.readouterr().err
    assert "cases: 2 cases, weight 1" in told
    assert "step 4/4  loss " in told
    assert "patches/s" in told
    assert (tmp_path / "run/model.safetensors").exists()
    saved = json.loads((tmp_path / "run/run.json").read_text())
    assert saved["config"]["steps"] == 4
    assert saved["config"]["data"][0]["folder"] == "cases"


def test_patches_are_turned_in_the_millimetres_of_the_grid(cases, tmp_path, monkeypatch):
    seen = []
    real = sampler.draw_warp
    monkeypatch.setattr(sampler, "draw_warp", lambda *given: seen.append(given[3]) or real(*given))
    settings = ["spacing_mm=[3, 3, 6]", *(s for s in SETTINGS if "spacing" not in s)]
    assert train("smoke", "--data", cases, "-o", tmp_path / "run", settings=settings) == 0
    assert set(seen) == {(3.0, 3.0, 6.0)}


def test_what_decides_which_patches_are_shown_reaches_the_sampler(monkeypatch, cases, tmp_path):
    made = []
    monkeypatch.setattr(
        "omentum.train.training.run_training", lambda config, sampler, *_, **__: made.extend((config, sampler))
    )
    given = {"foreground_probability": 0.5, "temperature": 3, "lesion_weight": 5, "patches_per_case": 4, "seed": 7}
    settings = [*SETTINGS, "centres=[1, 2]", *(f"{name}={value}" for name, value in given.items())]
    assert train("smoke", "--data", cases, "-o", tmp_path / "run", settings=settings) == 0
    config, sampler = made
    assert {name: getattr(sampler, name) for name in given} == given
    assert (sampler.patch, sampler.window_hu) == (config.patch, config.window_hu)
    assert sampler.augmentation == config.augmentation
    assert [source.centres for source in sampler.sources] == [(1, 2)]


def test_a_dry_run_tells_cost_and_sampling_and_writes_nothing(cases, tmp_path, capsys):
    before = sorted(tmp_path.rglob("*"))
    assert train("smoke", "--data", cases, "--dry-run") == 0
    told = capsys.readouterr().err
    for words in ("parameters, patch 16 x 16 x 16", "GiB at most", "MiB, up to", "4 of 2 patches", "a step", "about"):
        assert words in told
    rows = {line.split()[0]: line.split() for line in told.splitlines() if line and line[0].islower()}
    assert rows["liver"][1:3] == ["2", "2"]
    assert rows["aorta"][1:3] == ["0", "0"]
    assert sorted(tmp_path.rglob("*")) == before


def test_quiet_says_nothing(cases, tmp_path, capsys):
    assert train("smoke", "--data", cases, "-o", tmp_path / "run", "--quiet") == 0
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["smoke", "-o", "run"], "nothing to train on"),
        (["smoke", "--data", "."], "needs a folder for the run"),
        (["tiny", "-o", "run"], "no such file or preset"),
        (["smoke", "--data", "nowhere", "-o", "run"], "nowhere"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert train(*arguments) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert not (tmp_path / "run").exists()


def test_a_run_with_other_settings_and_a_busy_one_are_refused(cases, tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    claim(run, {"config": {"steps": 7}, "classes": [], "data": {}, "validation": {}})
    assert train("smoke", "--data", cases, "-o", run) == 2
    assert "was begun otherwise: steps was 7, is 4" in capsys.readouterr().err
    with locked(tmp_path / "busy"):
        assert train("smoke", "--data", cases, "-o", tmp_path / "busy") == 2
    assert "is training into it (wait, or use another -o)" in capsys.readouterr().err


def test_the_file_of_structures_reaches_the_run_and_its_record(cases, tmp_path, capsys):
    own = ["--structures", written(tmp_path)]
    settings = ["classes=['liver', 'gluteus maximus']", *SETTINGS]
    out = ["-o", tmp_path / "run"]
    assert train("smoke", "--data", cases, *out, *own, settings=settings) == 0
    saved = json.loads((tmp_path / "run/run.json").read_text())
    assert saved["config"]["structures"] == "structures.toml"
    assert saved["classes"] == ["liver", *PAIR]
    assert set(saved["structures"]) == set(PAIR)
    assert set(read_spec(tmp_path / "run/model.safetensors").structures) == set(PAIR)
    assert train("smoke", "--data", cases, *out, *own, settings=settings) == 0
    capsys.readouterr()
    assert train("smoke", "--data", cases, *out, settings=settings) == 2
    assert "structures was" in capsys.readouterr().err


def test_what_a_run_warns_of_is_one_line(cases, tmp_path, capsys):
    (tmp_path / "run.toml").write_text('preset = "smoke"\n[[data]]\nfolder = "others"\n')
    assert train(tmp_path / "run.toml", "--data", cases, "-o", tmp_path / "run") == 0
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert told == f"warning: {tmp_path / 'run.toml'}: not trained on, since --data stands in place of it: others"
