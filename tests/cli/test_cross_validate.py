"""From cases to a cross-validated table: split, train every fold, segment each by its own model, judge together."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from toy_cases import toy_volume
from toy_run import EMBEDDINGS

from omentum.cli import main
from omentum.cli.progress import ProgressReporter
from omentum.cli.train.fold_commands import next_commands
from omentum.data.splits.split import Split
from omentum.io.truth import write_case
from omentum.model import load_checkpoint
from omentum.pipeline.batch.inputs import plan_jobs
from omentum.pipeline.batch.options import CaseSelection
from omentum.train import fresh_model
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.settings import TrainConfig

FOLDS = ("fold-0", "fold-1")
TINY = (
    "parameters={widths=[8, 16, 16], stem=8, blocks=1, decoded_channels=4}",
    "spacing_mm=[3, 3, 3]",
    "patch=[16, 16, 16]",
    *("workers=0", "steps=4", "warmup_steps=1", "validate_every=4"),
)
FAST = ("--engine", "torch", "--no-preview", "--no-report", "--quiet")


@pytest.fixture(autouse=True)
def made_up_embeddings(monkeypatch):
    monkeypatch.setattr(fresh_model, "embed", lambda prompts, encoder: EMBEDDINGS[: len(prompts)])


def write_cases(folder, seeds, patient=lambda seed: ""):
    for seed in seeds:
        ct, truth = toy_volume(seed)
        write_case(folder / f"toy_{seed}", ct, truth, {"patient": patient(seed)} if patient(seed) else {})


@pytest.fixture
def cases(tmp_path, monkeypatch):
    """Five scans, two of them of one patient, in the folder we work in."""
    monkeypatch.chdir(tmp_path)
    write_cases(tmp_path / "cases", range(5), lambda seed: "ann" if seed < 2 else "")
    return tmp_path


def split(*more):
    return main(["data", "split", "cases", "-o", "split.json", "--folds", "2", *map(str, more)])


def train(*arguments):
    more = [part for setting in TINY for part in ("--set", setting)]
    return main(["train", "smoke", "--data", "cases", *arguments, *more])


def test_a_split_is_told_by_part_and_is_the_same_again(cases, capsys):
    assert split() == 0
    told = capsys.readouterr().out
    assert re.search(r"part +cases +patients +Liver tumour", told)
    assert "5 cases of 4 patients, 1 of them kept with another of their patient" in told
    first = (cases / "split.json").read_bytes()
    made = Split.read(cases / "split.json")
    assert made.part_of["toy_0"] == made.part_of["toy_1"]
    assert sorted(made.part_of) == [f"toy_{n}" for n in range(5)]
    rows = {line.split()[0]: line.split()[1] for line in told.splitlines() if re.match(r" +(test|fold-\d|all) ", line)}
    assert rows == {part: str(len(names)) for part, names in made.parts.items()} | {"all": "5"}
    assert split() == 0
    assert (cases / "split.json").read_bytes() == first


def test_the_same_scan_under_two_names_is_one_patient(cases, capsys):
    shutil.copytree(cases / "cases/toy_3", cases / "cases/copy")
    assert split("--test", 0) == 0
    made = Split.read(cases / "split.json")
    assert made.part_of["copy"] == made.part_of["toy_3"]
    assert tuple(made.parts) == FOLDS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--folds", "1"], "one fold leaves none to train on"),
        (["--folds", "9"], "4 patients are too few for 10 parts"),
        (["--validation", "0.1"], "folds are validated on in turn"),
        (["--folds", "0", "--test", "0.9", "--validation", "0.2"], "leave nothing to train on"),
    ],
)
def test_a_split_that_cannot_be_is_refused(cases, capsys, arguments, message):
    assert split(*arguments) == 2
    assert message in capsys.readouterr().err
    assert not (cases / "split.json").exists()


def test_all_folds_are_trained_segmented_and_judged_in_one_table(cases, capsys):
    assert split() == 0
    made = Split.read(cases / "split.json")
    assert train("--split", "split.json", "--fold", "all", "-o", "runs/x") == 0
    told = capsys.readouterr().err
    assert "omentum evaluate pred cases --split split.json --part folds" in told
    for number, fold in enumerate(FOLDS):
        saved = json.loads((cases / "runs/x" / fold / "run.json").read_text())
        (other,) = set(FOLDS) - {fold}
        assert sorted(saved["validation"]) == sorted(made.parts[fold])
        assert sorted(saved["data"]["cases"]) == sorted(made.parts[other])
        assert saved["split"] == {"sha256": made.sha256, "fold": number}
        training = load_checkpoint(cases / "runs/x" / fold / "model.safetensors").spec.training
        assert training["split"] == saved["split"]
        assert set(training["held_out"]) == {"test", fold}
        assert len(training["trained_on"]) == len(made.parts[other])

    for fold in FOLDS:
        weights = f"runs/x/{fold}/model.safetensors"
        how = ("--split", "split.json", "--part", fold, "-w", weights, "-o", f"pred/{fold}", *FAST)
        assert main(["segment", "cases", *how]) == 0
        results = {path.parent.name for path in (cases / "pred" / fold).glob("*/manifest.json")}
        assert results == set(made.parts[fold])
    capsys.readouterr()
    judge = ["evaluate", "pred", "cases", "--split", "split.json", "--part", "folds", "--csv", "s.csv"]
    assert main(judge) == 0
    shown = capsys.readouterr()
    assert "warning" not in shown.err
    judged = {row["case"] for row in csv.DictReader((cases / "s.csv").read_text().splitlines())}
    assert judged == {name for fold in FOLDS for name in made.parts[fold]}
    patients = len(judged) - ("toy_0" in judged)
    assert f"{len(judged)} cases of {patients} patients" in shown.out

    assert main([*judge, "--compare", "pred", "--no-distances"]) == 0
    assert "pred minus pred" in capsys.readouterr().out

    # One more time: everything is there already.
    assert train("--split", "split.json", "--fold", "all", "-o", "runs/x", "--quiet") == 0
    capsys.readouterr()

    # The test part by both models together, which neither has seen.
    members = [part for fold in FOLDS for part in ("-w", f"runs/x/{fold}/model.safetensors")]
    assert main(["segment", "cases", "--split", "split.json", *members, "-o", "test", *FAST]) == 0
    assert main(["evaluate", "test", "cases", "--split", "split.json", "--json-file", "t.json", "--quiet"]) == 0
    assert {case["case"] for case in json.loads((cases / "t.json").read_text())["cases"]} == set(made.parts["test"])
    assert capsys.readouterr().err == ""


def test_a_case_that_the_weights_were_trained_on_is_told(cases, capsys):
    assert split() == 0
    assert train("--split", "split.json", "--fold", "0", "-o", "run", "--quiet") == 0
    seen = Split.read(cases / "split.json").parts["fold-1"]
    assert main(["segment", "cases", "-w", "run/model.safetensors", "-o", "out", *FAST]) == 0
    capsys.readouterr()
    assert main(["evaluate", "out", "cases"]) == 0
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert "evaluated on scans that the weights were trained on: " in told
    assert sorted(re.findall(r"'(toy_\d)'", told)) == sorted(seen)


def test_another_split_or_fold_is_another_run(cases, capsys):
    assert split() == 0
    assert train("--split", "split.json", "--fold", "0", "-o", "run", "--quiet") == 0
    assert train("--split", "split.json", "--fold", "1", "-o", "run", "--quiet") == 2
    assert (
        "was begun otherwise: fold was 0, is 1; the split, or the part of it, is another one" in capsys.readouterr().err
    )
    made = Split.read(cases / "split.json")
    # The same cases in training and validation; only the test part, which this run never reads, is another.
    Split({**made.parts, "test": ()}, made.cases).write(cases / "split.json")
    assert train("--split", "split.json", "--fold", "0", "-o", "run", "--quiet") == 2
    assert "was begun otherwise: the split, or the part of it, is another one" in capsys.readouterr().err
    assert split("--quiet") == 0
    assert train("--split", "split.json", "--fold", "0", "-o", "run", "--quiet") == 0


def test_a_copy_of_a_held_out_case_is_refused_by_name(cases, capsys):
    assert split() == 0
    held = Split.read(cases / "split.json").parts["test"][0]
    shutil.copytree(cases / "cases" / held, cases / "more/innocent")
    assert train("--data", "more", "--split", "split.json", "--fold", "0", "-o", "run") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"{held} (test) is held out, and innocent of more is the same scan" in error
    assert not (cases / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fold", "all"], "--fold all without a split"),
        (["--fold", "0"], "a fold or part is one of a split"),
        (["--fold", "first", "--split", "split.json"], "'first' is no number from 0"),
        (["--split", "split.json"], "split.json: has folds, and none is named"),
        (["--split", "split.json", "--fold", "2"], "split.json: has no part 'fold-2'"),
        (["--split", "split.json", "--fold", "0", "--part", "folds"], "give one of the two"),
        (["--split", "split.json", "--fold", "all", "--part", "folds"], "give one of the two"),
        (["--split", "none.json", "--fold", "0"], "none.json: No such file"),
        (["--split", "split.json", "--fold", "all", "--dry-run"], "--dry-run is for one run"),
    ],
)
def test_mistakes_about_splits_are_one_line(cases, capsys, arguments, message):
    assert split("--quiet") == 0
    assert train(*arguments, "-o", "run") == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (cases / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to segment"),
        (["cases", "--part", "test"], "--part without --split"),
        (["cases", "--split", "split.json", "--part", "fold-7"], "has no part 'fold-7'"),
        (["lonely", "--split", "split.json"], "none of the inputs is in its part 'test'"),
        (["cases", "cases/toy_1"], "is named twice"),
        (["--dataset", "lits"], "is not NAME=FOLDER"),
    ],
)
def test_inputs_that_cannot_be_are_one_line(cases, capsys, arguments, message):
    assert split("--quiet") == 0
    write_cases(cases / "lonely", [9])
    assert main(["segment", *arguments, "-o", "out"]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (cases / "out").exists()


def test_the_scans_of_a_split_are_those_of_its_cases(cases):
    """Whatever is written into the file is what training compares with."""
    assert split() == 0
    made = Split.read(cases / "split.json")
    lengths = {name: len(case.hashes) for name, case in made.cases.items()}
    assert lengths == {f"toy_{n}": toy_volume(n)[0].shape[2] for n in range(5)}
    assert len({case.hashes for case in made.cases.values()}) == 5
    assert all(np.count_nonzero(case.hashes) > 20 for case in made.cases.values())


def test_a_part_that_stays_empty_is_told(cases, capsys):
    assert main(["data", "split", "cases", "-o", "split.json", "--folds", "0", "--test", "0.2"]) == 0
    shown = capsys.readouterr()
    made = Split.read(cases / "split.json")
    empty = [part for part, names in made.parts.items() if not names]
    told = [line for line in shown.err.splitlines() if line.startswith("warning: ")]
    assert [f"the part {part} is empty: 4 patients are too few" in line for part, line in zip(empty, told, strict=True)]
    assert empty == ["validation"]
    assert main(["data", "split", "cases", "-o", "split.json", "--folds", "0", "--validation", "0"]) == 0
    assert "warning" not in capsys.readouterr().err


def test_every_collection_is_judged():
    run = TrainConfig(data=(DataConfig(folder="a b"), DataConfig(store="s")), split="split.json")
    told = next_commands(run, Path("runs"), [0, 1])
    assert "omentum evaluate pred 'a b' --split split.json --part folds" in told
    assert "omentum evaluate pred s --split split.json --part folds" in told


def test_cases_of_a_part_that_are_not_there_are_told(cases, capsys):
    assert split("--test", 0) == 0
    made = Split.read(cases / "split.json")
    here, *gone = made.parts["fold-0"]
    wanted = CaseSelection(split=cases / "split.json", part="fold-0")
    plan_jobs([cases / "cases" / here], cases / "out", wanted, ProgressReporter())
    told = capsys.readouterr().err
    assert f"warning: {cases / 'split.json'}: {len(gone)} of the {len(gone) + 1} cases of its part 'fold-0'" in told
    assert ", ".join(gone) in told
    plan_jobs([cases / "cases"], cases / "out", wanted, ProgressReporter())
    assert capsys.readouterr().err == ""


def test_a_fold_is_not_started_from_the_weights_of_another(cases, capsys):
    assert split() == 0
    assert train("--split", "split.json", "--fold", "1", "-o", "runs/1") == 0
    capsys.readouterr()
    start = ["--set", "init=runs/1/model.safetensors"]
    assert train("--split", "split.json", "--fold", "0", "-o", "runs/0", *start) == 2
    told = capsys.readouterr().err
    assert "runs/1/model.safetensors: has learned from toy_" in told
    assert "(fold-0)" in told
    assert not (cases / "runs/0").exists()
    assert train("--split", "split.json", "--fold", "1", "-o", "runs/more", *start) == 0
