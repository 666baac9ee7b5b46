"""A run cannot learn from what its split holds out, whatever it is called and wherever it lies."""

import shutil
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from raw_cases import read_toy, toy_recipe, write_toys
from toy_cases import toy_volume
from toy_run import model

from omentum.anatomy import STRUCTURES
from omentum.data.splits.collection import kept_together, read_collections
from omentum.data.splits.split import Split
from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.errors import CaseWarning, UsageError
from omentum.fingerprint import scan_digest, sketch
from omentum.io.nifti import read_volume, write_volume
from omentum.io.truth import write_case
from omentum.model import read_spec, save_checkpoint
from omentum.train.config.case_collections import DataConfig, PairConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.run.sources import load_sources
from omentum.volume import Volume

KEYS = STRUCTURES.keys
OPTIONS = StoreOptions(spacing_mm=(3.0, 3.0, 3.0), antialias=True)
PARTS = {"test": ("apes_0",), "fold-0": ("apes_1", "apes_2"), "fold-1": ("apes_3", "bees_4")}


def write_scan(folder, seed):
    write_case(folder, *toy_volume(seed, (60, 56, 50 + seed)), {})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store of five scans of two datasets, and a split of it."""
    root = tmp_path_factory.mktemp("held_out")
    bees = toy_recipe("bees")
    raw = write_toys(root / "a", 5, toy_recipe("apes"))
    raw[4] = type(raw[4])(**{**vars(raw[4]), "recipe": bees, "name": "bees_4", "patient": "bees-4"})
    prepare(raw, root / "store", OPTIONS, read=read_toy)
    cases = {case.name: case for case in read_collections([root / "store"])}
    Split(PARTS, cases).write(root / "split.json")
    return root


def loaded(made, *more, pairs=(), **how):
    how = {"split": str(made / "split.json"), "fold": 0} | how
    data = DataConfig(store=str(made / "store")), *more
    return load_sources(TrainConfig(data=data, pairs=pairs, **how), KEYS)


def names(sources):
    return sorted(case.name for source in sources for case in source.cases)


def test_a_run_sees_its_folds_and_nothing_else(made):
    found = loaded(made)
    assert names(found.sources) == ["apes_3", "bees_4"]
    assert [case.name for case in found.held_out] == ["apes_1", "apes_2"]
    other = loaded(made, fold=1)
    assert names(other.sources) == ["apes_1", "apes_2"]
    assert names(loaded(made, fold=-1, part="folds").sources) == ["apes_1", "apes_2", "apes_3", "bees_4"]


def test_the_record_names_what_was_held_out_by_content(made):
    cases = Split.read(made / "split.json").cases
    record = loaded(made).record
    assert record["split"] == {"sha256": Split.read(made / "split.json").sha256, "fold": 0}
    digests = {name: scan_digest(case.hashes) for name, case in cases.items()}
    assert record["trained_on"] == sorted([digests["apes_3"], digests["bees_4"]])
    assert record["held_out"] == {"test": [digests["apes_0"]], "fold-0": sorted([digests["apes_1"], digests["apes_2"]])}


def test_cases_that_the_split_does_not_know_are_left_out_and_told(made, tmp_path):
    few = Split({"fold-0": ("apes_0",), "fold-1": ("apes_1",)}, Split.read(made / "split.json").cases)
    few.write(tmp_path / "few.json")
    found = loaded(made, split=str(tmp_path / "few.json"))
    assert names(found.sources) == ["apes_1"]
    assert "3 cases are in no part of the split and left out" in found.remarks[0]


@pytest.mark.parametrize(("seed", "part"), [(0, "test"), (1, "fold-0")])
def test_a_copy_under_another_name_in_a_folder_is_refused(made, tmp_path, seed, part):
    write_scan(tmp_path / "mine/innocent", seed)
    write_scan(tmp_path / "mine/other", 9)
    with pytest.raises(UsageError, match=rf"apes_{seed} \({part}\) is held out, and innocent of mine is the same scan"):
        loaded(made, DataConfig(folder=str(tmp_path / "mine")))
    shutil.rmtree(tmp_path / "mine/innocent")
    assert names(loaded(made, DataConfig(folder=str(tmp_path / "mine"))).sources) == ["apes_3", "bees_4", "other"]


def test_a_cropped_and_turned_copy_in_a_pair_is_refused(made, tmp_path):
    write_scan(tmp_path / "case", 2)
    ct = read_volume(tmp_path / "case/ct.nii.gz")
    labels = read_volume(tmp_path / "case/labels.nii.gz")
    for volume, name in ((ct, "ct"), (labels, "labels")):
        turned = np.ascontiguousarray(volume.voxels[::-1, ::-1, 3:-4])
        write_volume(tmp_path / f"case/{name}_cut.nii.gz", Volume(turned, volume.affine))
    pair = PairConfig(str(tmp_path / "case/ct_cut.nii.gz"), str(tmp_path / "case/labels_cut.nii.gz"), {"6": "liver"})
    with pytest.raises(UsageError, match=r"apes_2 \(fold-0\) is held out, and .*/case/ct_cut.nii.gz is the same scan"):
        loaded(made, pairs=(pair,))
    assert "case" in names(loaded(made, pairs=(pair,), fold=1).sources)


def test_a_copy_in_another_store_is_refused(made, tmp_path):
    prepare(write_toys(tmp_path / "raw", 1, toy_recipe("cats")), tmp_path / "cats", OPTIONS, read=read_toy)
    with pytest.raises(UsageError, match=r"apes_0 \(test\) is held out, and cats_0 of cats is the same scan"):
        loaded(made, DataConfig(store=str(tmp_path / "cats")))


def test_a_split_that_trains_on_a_copy_of_its_own_test_part_is_refused(tmp_path):
    prepare(write_toys(tmp_path / "a", 3, toy_recipe("apes")), tmp_path / "store", OPTIONS, read=read_toy)
    prepare(write_toys(tmp_path / "b", 1, toy_recipe("bees")), tmp_path / "store", OPTIONS, read=read_toy)
    cases = read_collections([tmp_path / "store"])
    assert next(sorted(c.name for c in group) for group in kept_together(cases)) == ["apes_0", "bees_0"]
    parts = {"train": ("apes_0", "apes_1"), "test": ("bees_0",)}
    Split(parts, {case.name: case for case in cases}).write(tmp_path / "split.json")
    with pytest.raises(UsageError, match=r"bees_0 \(test\) is held out, and apes_0 of apes is the same scan"):
        loaded(tmp_path, fold=-1)


@pytest.mark.filterwarnings("ignore:.*by name only:omentum.errors.CaseWarning")
def test_a_split_of_an_earlier_version_guards_by_what_the_store_knows(made, tmp_path):
    (tmp_path / "old.json").write_text('{"train": ["apes_3", "bees_4"], "validation": ["apes_1"], "test": ["apes_0"]}')
    old = {"split": str(tmp_path / "old.json"), "fold": -1}
    assert names(loaded(made, **old).sources) == ["apes_3", "bees_4"]
    write_scan(tmp_path / "mine/innocent", 0)
    with pytest.raises(UsageError, match=r"apes_0 \(test\) is held out"):
        loaded(made, DataConfig(folder=str(tmp_path / "mine")), **old)


def test_a_split_of_an_earlier_version_says_what_it_does_not_know(made, tmp_path):
    (tmp_path / "old.json").write_text('{"train": ["apes_3", "bees_4"], "test": ["apes_0"]}')
    with pytest.warns(CaseWarning, match=r"old.json: knows 3 cases by name only; .*omentum data split"):
        loaded(made, split=str(tmp_path / "old.json"), fold=-1)


def test_the_test_part_is_never_trained_on(made):
    with pytest.raises(UsageError, match=r"keeps its test part from every training .*--part train or folds"):
        loaded(made, fold=-1, part="test")


def test_a_split_of_other_data_is_refused(made, tmp_path):
    write_scan(tmp_path / "mine/one", 9)
    with pytest.raises(UsageError, match=r"split.json: no case of it is in the data"):
        load_sources(
            TrainConfig(data=(DataConfig(folder=str(tmp_path / "mine")),), split=str(made / "split.json"), fold=0), KEYS
        )


def test_without_a_split_no_copy_of_a_validation_case_is_trained_on(made, tmp_path):
    for seed in range(5):
        write_scan(tmp_path / "mine" / f"case_{seed}", seed)
    data = DataConfig(store=str(made / "store"), validation=2), DataConfig(folder=str(tmp_path / "mine"))
    found = load_sources(TrainConfig(data=data), KEYS)
    held = sorted(case.name[-1] for case in found.held_out)
    assert len(held) == 2
    assert {case.name for case in found.held_out} >= {"bees_4"}  # of both datasets
    trained = names(found.sources)
    assert not {name[-1] for name in trained} & set(held)
    assert len(trained) == 6
    assert "validated on under another name" in found.remarks[0]
    assert len(found.record["held_out"]["validation"]) == 2


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"fold": 0}, "one of a split"),
        ({"part": "train"}, "one of a split"),
        ({"split": "s", "fold": 1, "part": "x"}, "one"),
    ],
)
def test_settings_that_go_together_only_with_a_split(how, message):
    with pytest.raises(UsageError, match=message):
        TrainConfig(data=(DataConfig(folder="x"),), **how)


@pytest.fixture(scope="module")
def digests(made):
    return {name: scan_digest(case.hashes) for name, case in Split.read(made / "split.json").cases.items()}


@pytest.fixture(scope="module")
def network():
    return model()


@pytest.fixture
def weights(tmp_path, network):
    """Write weights that say this of their training."""

    def write(**training):
        network.spec = replace(network.spec, training=training)
        save_checkpoint(tmp_path / "start.safetensors", network)
        return str(tmp_path / "start.safetensors")

    return write


@pytest.mark.parametrize(
    ("case", "how", "told"),
    [
        ("apes_0", {}, r"apes_0 \(test\)"),
        ("apes_0", {"fold": -1, "part": "folds"}, r"apes_0 \(test\)"),
        ("apes_2", {}, r"apes_2 \(fold-0\)"),
        ("bees_4", {"fold": 1}, r"bees_4 \(fold-1\)"),
        ("apes_2", {"init_parts": ("backbone",)}, r"apes_2 \(fold-0\)"),
    ],
)
def test_weights_that_have_seen_what_is_held_out_are_no_start(made, weights, digests, case, how, told):
    start = weights(trained_on=["0123456789abcdef", digests[case]])
    with pytest.raises(UsageError, match=rf"start.safetensors: has learned from {told}, held out here .*init = "):
        loaded(made, init=start, **how)


def test_what_the_start_has_seen_counts_as_trained_on(made, weights, digests):
    start = weights(trained_on=["0123456789abcdef", digests["apes_3"]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        record = loaded(made, init=start).record
    assert record["trained_on"] == sorted(["0123456789abcdef", digests["apes_3"], digests["bees_4"]])
    assert len(record["started_from"].pop("sha256")) == 64
    assert record["started_from"] == {"file": "start.safetensors", "says_all_trained_on": True}
    on_top = weights(**record)
    assert read_spec(on_top).scans_seen.is_complete
    assert read_spec(on_top).scans_seen.rows == frozenset(record["trained_on_rows"].split())
    with pytest.raises(UsageError, match=r"has learned from apes_3 \(fold-1\) and 1 more"):
        loaded(made, init=on_top, fold=1)


def test_a_start_that_has_seen_a_part_of_it_or_more_than_it_is_no_start(made, weights):
    hashes = Split.read(made / "split.json").cases["apes_1"].hashes
    for seen in (hashes[: len(hashes) // 2], hashes[::2], (*hashes, *("f" * 15 + digit for digit in "01234567"))):
        start = weights(trained_on=[scan_digest(seen)], trained_on_rows=" ".join(sketch(seen)))
        with pytest.raises(UsageError, match=r"has learned from apes_1 \(fold-0\), held out here"):
            loaded(made, init=start)
        assert loaded(made, init=start, fold=1).held_out


def test_a_start_that_does_not_say_what_it_learned_from_is_warned_of_and_so_are_its_heirs(made, weights):
    start = weights()
    with pytest.warns(CaseWarning, match="does not say which scans it learned from"):
        record = loaded(made, init=start).record
    assert not record["started_from"]["says_all_trained_on"]
    heir = weights(**record)
    assert not read_spec(heir).scans_seen.is_complete
    with pytest.warns(CaseWarning, match="does not say"):
        loaded(made, init=heir)


def test_a_public_backbone_and_a_run_that_holds_nothing_out_are_not_warned_of(made, weights, tmp_path):
    torch.save({"encoder": torch.zeros(1)}, tmp_path / "public.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        record = loaded(made, init=str(tmp_path / "public.pt")).record
        loaded(made, init=weights(), split="", fold=-1)
    assert record["started_from"]["says_all_trained_on"]


def test_weights_may_be_named(made):
    with pytest.warns(CaseWarning, match="default.safetensors: does not say"):
        assert loaded(made, init="default").record["started_from"]["file"] == "default.safetensors"


def test_a_draw_takes_cases_that_the_start_has_not_seen(made, weights, digests):
    store = str(made / "store")

    def drawn(**how):
        return load_sources(TrainConfig(data=(DataConfig(store=store, validation=2),), **how), KEYS)

    usual = [case.name for case in drawn().held_out]
    start = weights(trained_on=[digests[usual[0]]])
    others = drawn(init=start)
    assert len(others.held_out) == 2
    assert usual[0] not in [case.name for case in others.held_out]
    assert usual[0] in names(others.sources)
    few = drawn(init=weights(trained_on=[d for name, d in digests.items() if name != "apes_1"]))
    assert [case.name for case in few.held_out] == ["apes_1"]
    assert "1 of 2 cases for validation, since" in few.remarks[0]
