import json

import numpy as np
import pytest
from raw_cases import read_or_raise, read_toy, toy_recipe, write_toys
from toy_cases import toy_volume

from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.statistics import StoreStatistics, statistics
from omentum.data.store.store import Store

OPTIONS = StoreOptions(spacing_mm=(3.0, 3.0, 3.0), samples=5)


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stats")
    whole = write_toys(folder / "a", 2, toy_recipe("a"))
    liver_only = write_toys(folder / "b", 3, toy_recipe("b", ("liver", "spleen")))
    prepare(whole, folder / "store", OPTIONS, read=read_toy)
    prepare(liver_only, folder / "store", OPTIONS, read=read_or_raise)
    return statistics(Store.open(folder / "store"))


def test_cases_patients_and_failures_are_counted(counted):
    a, b = counted.datasets["a"], counted.datasets["b"]
    assert (a.cases, a.patients, a.failed) == (2, 2, 0)
    assert (b.cases, b.patients, b.failed) == (1, 1, 2)
    assert (counted.together.cases, counted.together.failed) == (3, 2)


def test_what_nobody_looked_for_is_not_absent(counted):
    assert counted.datasets["b"].structures["left_kidney"].annotated == 0
    assert counted.datasets["b"].structures["left_kidney"].volume_ml is None
    assert counted.together.structures["left_kidney"].annotated == 2
    assert counted.together.structures["liver"].annotated == 3


def test_volumes_and_hu_are_those_of_the_truth(counted):
    truths = [toy_volume(k, (60, 56, 50 + k)) for k in range(2)]
    volumes = [truth.mask("liver").sum() * 0.027 for _, truth in truths]
    means = [ct.voxels[truth.mask("liver")].mean() for ct, truth in truths]
    liver = counted.datasets["a"].structures["liver"]
    assert liver.present == 2
    assert liver.volume_ml.mean == pytest.approx(np.mean(volumes), abs=0.01)
    assert liver.hu.mean == pytest.approx(np.mean(means), abs=0.02)
    assert liver.volume_ml.low <= liver.volume_ml.median <= liver.volume_ml.high


def test_json_holds_all_of_it(counted):
    said = counted.to_json()
    assert said["datasets"]["b"]["failed"] == 2
    assert said["together"]["structures"]["liver"]["annotated"] == 3


def test_what_is_written_is_read_back(counted):
    written = json.loads(json.dumps(counted.to_json()))
    assert StoreStatistics.from_json(written) == counted
    with pytest.raises(ValueError, match="of version 99"):
        StoreStatistics.from_json(written | {"schema_version": 99})
