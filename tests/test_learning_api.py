"""Data and training from Python: one call each, the same results as the command line, without its packages."""

import inspect
import subprocess
import sys

import pytest
from listeners import Recorder
from toy_cases import toy_volume
from toy_run import CONFIG, EMBEDDINGS

import omentum
from omentum.cli import main
from omentum.cli.data.prepare import prepare as prepare_command
from omentum.cli.data.split import split as split_command
from omentum.data.datasets.sites import Studio, find_sites, site_tasks, write_site_case
from omentum.data.splits.split import Split
from omentum.errors import UsageError
from omentum.io.truth import write_case
from omentum.train import fresh_model

SETTINGS = {
    "parameters": dict(CONFIG.parameters),
    "spacing_mm": [3, 3, 3],
    "patch": [16, 16, 16],
    "workers": 0,
    "steps": 2,
    "warmup_steps": 1,
    "validate_every": 2,
}


@pytest.fixture(autouse=True)
def made_up_embeddings(monkeypatch):
    monkeypatch.setattr(fresh_model, "embed", lambda prompts, encoder: EMBEDDINGS[: len(prompts)])


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    out = tmp_path_factory.mktemp("raw")
    for task in site_tasks(out, find_sites(["btcv"]), 2, Studio(seed=2, finest_mm=(8.0, 8.0, 8.0))):
        write_site_case(task)
    return out / "btcv"


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    for seed in range(4):
        ct, truth = toy_volume(seed)
        write_case(folder / f"toy_{seed}", ct, truth, {})
    return folder


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file() and ".cache" not in p.parts}


def test_a_store_is_the_one_of_the_command_line(raw, tmp_path):
    options = omentum.StoreOptions(spacing_mm=(6.0, 6.0, 6.0))
    listener = Recorder()
    result = omentum.prepare_data({"btcv": raw}, tmp_path / "api", options, progress=listener)
    assert [outcome.state for outcome in result.outcomes] == ["prepared", "prepared"]
    assert listener.of("progress") == [(1, 2, True), (2, 2, True)]
    assert (
        main(["data", "prepare", "--quiet", "--dataset", f"btcv={raw}", "-o", str(tmp_path / "cli"), "--spacing", "6"])
        == 0
    )
    ours, theirs = (
        {name: content for name, content in contents(tmp_path / one).items() if name.parts[0] in ("cases", "datasets")}
        for one in ("api", "cli")
    )
    assert ours
    assert ours == theirs


def test_a_check_finds_what_the_command_line_prints(raw, tmp_path, capsys):
    result = omentum.check_data({"btcv": raw})
    assert not result.failed
    assert [check.name for check in result.checks] == sorted(check.name for check in result.checks)
    assert main(["data", "check", "--dataset", f"btcv={raw}", "--splits", str(tmp_path / "split.json")]) == 0
    assert Split.read(tmp_path / "split.json").parts == result.split().parts
    assert "btcv" in capsys.readouterr().out


def test_a_split_is_the_one_of_the_command_line(cases, tmp_path):
    result = omentum.split_data([cases], omentum.SplitOptions(folds=2, test=0.25))
    assert (result.patients, result.empty_parts) == (4, ())
    path = tmp_path / "split.json"
    assert main(["data", "split", str(cases), "-o", str(path), "--folds", "2", "--test", "0.25", "--quiet"]) == 0
    assert Split.read(path).parts == result.split.parts


def test_impossible_shares_are_refused_where_they_are_named():
    with pytest.raises(UsageError, match="one fold leaves none"):
        omentum.SplitOptions(folds=1)
    with pytest.raises(UsageError, match="leave nothing to train on"):
        omentum.SplitOptions(folds=0, test=0.6, validation=0.5)


def test_a_run_is_planned_then_trained(cases, tmp_path):
    config = omentum.load_config("smoke", SETTINGS, [cases])
    listener = Recorder()
    plan = omentum.plan_training(config, progress=listener)
    assert plan.parameters > 0
    assert plan.held_out == 0
    assert ("taking a few steps",) in listener.of("note")
    result = omentum.train_model(config, tmp_path / "run", progress=listener)
    assert result.model.is_file()
    assert result.best is None
    assert [figures["step"] for kind, figures in listener.of("event") if kind == "advance"] == [1, 2]
    assert (f"done: {result.model}",) in listener.of("note")


def test_every_fold_is_a_run(cases, tmp_path):
    path = tmp_path / "split.json"
    omentum.split_data([cases], omentum.SplitOptions(folds=2, test=0.0)).split.write(path)
    config = omentum.load_config("smoke", SETTINGS | {"split": str(path)}, [cases])
    results = omentum.cross_validate(config, tmp_path / "runs")
    assert sorted(results) == [0, 1]
    assert all(result.best is not None and result.validation.step == 2 for result in results.values())
    both = omentum.load_config("smoke", SETTINGS | {"split": str(path), "part": "fold-0"}, [cases])
    with pytest.raises(UsageError, match="--fold and --part"):
        omentum.cross_validate(both, tmp_path)


@pytest.mark.parametrize(
    ("command", "options", "names"),
    [
        (split_command, omentum.SplitOptions, ("folds", "test", "validation", "seed")),
        (prepare_command, omentum.StoreOptions, ("antialias",)),
    ],
)
def test_the_defaults_of_the_command_line_are_those_of_the_options(command, options, names):
    given = inspect.signature(command).parameters
    assert {name: given[name].default for name in names} == {name: getattr(options(), name) for name in names}


def test_nothing_of_the_command_line_is_imported():
    names = ("prepare_data", "check_data", "split_data", "plan_training", "train_model", "cross_validate")
    code = f"import omentum, sys; [getattr(omentum, name) for name in {names}]; "
    code += "print([name for name in ('typer', 'omentum.cli') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "senseless",
    [
        lambda: omentum.StoreOptions(spacing_mm=4),
        lambda: omentum.StoreOptions(spacing_mm=(1, 1)),
        lambda: omentum.StoreOptions(spacing_mm=(1, 1, -1)),
        lambda: omentum.SplitOptions(folds=-1),
        lambda: omentum.SplitOptions(test=2),
        lambda: omentum.SplitOptions(seed=-1),
        lambda: omentum.check_data(["btcv=raw/btcv"]),
    ],
)
def test_senseless_options_are_refused(senseless):
    with pytest.raises(UsageError):
        senseless()
