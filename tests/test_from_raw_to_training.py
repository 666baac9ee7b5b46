"""docs/how-to/from-raw-to-store.md, command by command, on re-enacted datasets."""

import json

import numpy as np
import pytest
import torch

from omentum.cli import main
from omentum.data.splits.split import Split
from omentum.data.store.store import Store
from omentum.fingerprint import scan_digest
from omentum.io.truth import read_case
from omentum.model import load_checkpoint
from omentum.train import fresh_model

DATASETS = ("lits", "word", "flare23")
RUN = """
steps = 2
patch = [32, 32, 32]
spacing_mm = [8.0, 8.0, 8.0]
workers = 0
warmup_steps = 1
save_every = 2
validate_every = 2
bf16 = false
[parameters]
widths = [8, 16, 16]
stem = 8
blocks = 1
decoded_channels = 4
[[data]]
store = "store"
"""


def omentum(*arguments):
    code = main([str(a) for a in arguments])
    assert code == 0, arguments


@pytest.mark.slow
def test_from_raw_files_to_a_model(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table = torch.randn(32, 16, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(fresh_model, "embed", lambda prompts, encoder: table[: len(prompts)])
    folders = [part for key in DATASETS for part in ("--dataset", f"{key}=raw/{key}")]

    omentum("phantom", *(part for key in DATASETS for part in ("--site", key)), "-n", 2, "--spacing", 8, "-o", "raw")
    omentum("data", "list")
    listed = capsys.readouterr().out
    assert all(key in listed for key in DATASETS)
    omentum("data", "show", "word", "raw/word")
    assert "2 cases, 0 skipped" in capsys.readouterr().out
    omentum("data", "check", *folders, "--json-file", "check.json")
    assert {case["status"] for case in json.loads((tmp_path / "check.json").read_text())["cases"]} <= {
        "fine",
        "doubtful",
    }
    omentum("data", "prepare", *folders, "--spacing", 8, "--antialias", "-o", "store")
    omentum("data", "stats", "store", "--json-file", "stats.json")

    store = Store.open("store")
    assert [case.name for case in store.cases] == NAMES
    for case in store.cases:
        _, truth, facts = read_case(tmp_path / "raw/truth" / case.dataset / case.id)
        assert sorted(case.annotated) == facts["annotated_at_site"]
        for key in set(case.annotated) & {"liver", "spleen", "left_kidney"}:
            drawn_ml = np.count_nonzero(truth.mask(key)) * truth.grid.voxel_volume_ml
            assert case.structures[key].volume_ml == pytest.approx(drawn_ml, rel=0.15)
    counted = json.loads((tmp_path / "stats.json").read_text())
    assert counted["datasets"]["lits"]["structures"]["liver"]["annotated"] == 2

    omentum("data", "split", "store", "--folds", 2, "--test", 0.2, "-o", "splits.json")
    split = Split.read(tmp_path / "splits.json")
    assert sorted(split.part_of) == NAMES

    (tmp_path / "run.toml").write_text(RUN)
    omentum("train", "run.toml", "--split", "splits.json", "--fold", 0, "-o", "run", "--quiet")
    training = load_checkpoint(tmp_path / "run/model.safetensors").spec.training
    assert training["steps"] == 2
    digests = {case.name: scan_digest(case.hashes) for case in store.cases}
    assert len(set(digests.values())) == len(NAMES)
    assert training["trained_on"] == sorted(digests[name] for name in split.parts["fold-1"])
    assert training["held_out"]["test"] == sorted(digests[name] for name in split.parts["test"])

    how = ("--split", "splits.json", "--part", "test")
    plain = ("--engine", "torch", "--no-preview", "--no-report", "--quiet")
    omentum("segment", *folders, *how, "-w", "run/model.safetensors", "-o", "out", *plain)
    omentum("evaluate", "out", "store", *how, "--json-file", "scores.json", "--quiet")
    judged = {case["case"] for case in json.loads((tmp_path / "scores.json").read_text())["cases"]}
    assert judged == set(split.parts["test"])


NAMES = ["flare23_0001", "flare23_0002", "lits_0", "lits_28", "word_0002", "word_0004"]
