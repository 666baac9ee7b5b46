import dataclasses

import pytest
from raw_cases import read_toy, toy_recipe, write_toys
from toy_cases import toy_volume

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.sampler import PatchSampler
from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.errors import UsageError
from omentum.io.truth import write_case
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.dataset_settings import DatasetConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.run.sources import load_sources

KEYS = STRUCTURES.keys


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("stores")
    cases = [*write_toys(root / "a", 2, toy_recipe("apes")), *write_toys(root / "b", 1, toy_recipe("bees"))]
    prepare(cases, root / "store", StoreOptions(spacing_mm=(3.0, 3.0, 3.0), antialias=True), read=read_toy)
    return str(root / "store")


def sources(*data):
    found = load_sources(TrainConfig(data=data), KEYS)
    return {source.name: (len(source.cases), source.weight) for source in found.sources}


def test_each_dataset_of_a_store_is_a_source(store):
    assert sources(DataConfig(store=store, weight=2.0)) == {"apes": (2, 2.0), "bees": (1, 2.0)}


def test_a_dataset_of_a_store_may_have_a_weight_of_its_own(store):
    weighed = DataConfig(store=store, weight=2.0, weights={"bees": 3.0})
    assert sources(weighed) == {"apes": (2, 2.0), "bees": (1, 6.0)}
    with pytest.raises(UsageError, match=r"no dataset cats to weigh \(it has apes, bees\)"):
        sources(dataclasses.replace(weighed, weights={"cats": 1.0}))


def test_a_dataset_that_is_wholly_held_out_may_be_named(store):
    weighed = DataConfig(store=store, weights={"bees": 3.0}, validation=1)
    config = TrainConfig(data=(weighed,), datasets={"bees": DatasetConfig(centres=(1, 1, 5))})
    assert [source.name for source in load_sources(config, KEYS).sources] == ["apes"]


def test_names_tell_collections_apart(tmp_path, store):
    for parent in ("x", "y"):
        write_case(tmp_path / parent / "cases/one", *toy_volume(), {})
    folders = [DataConfig(folder=str(tmp_path / parent / "cases")) for parent in ("x", "y")]
    assert list(sources(*folders)) == ["cases", "cases (2)"]


def test_holding_everything_out_is_refused(store):
    with pytest.raises(UsageError, match="leaves none to train on"):
        sources(DataConfig(store=store, validation=3))


def test_datasets_are_shown_as_the_configuration_says(store):
    own = {"bees": DatasetConfig(centres=(1, 1, 5)), "apes": DatasetConfig(magnify=(0.3, 1.3, 1.5))}
    config = TrainConfig(data=(DataConfig(store=store),), centres=(1, 2), datasets={**own, "lits": DatasetConfig()})
    found = load_sources(config, KEYS).sources
    assert [(s.name, s.centres, s.magnify) for s in found] == [
        ("apes", (1, 2), (0.3, 1.3, 1.5)),
        ("bees", (1, 1, 5), None),
    ]
    patches = PatchSampler(found, KEYS, (16, 16, 16), (-175.0, 250.0), config.augmentation, patches_per_case=2)
    batch = patches.batch(range(8))
    assert not batch.faults
    assert batch.truth.masks().any()


def test_a_dataset_that_is_nowhere_is_a_slip(store):
    config = TrainConfig(data=(DataConfig(store=store),), datasets={"apse": DatasetConfig(), "lits": DatasetConfig()})
    with pytest.raises(UsageError, match=r"\[datasets\] names apse, which is no dataset \(there are apes, bees\)"):
        load_sources(config, KEYS)
