import json

import numpy as np
import pytest
from slab_body import slabs

from omentum.anatomy import STRUCTURES
from omentum.phantom.lesions.insertion import LesionOptions, insert_lesions
from omentum.phantom.lesions.kinds import KINDS
from omentum.phantom.lesions.look_alikes import insert_look_alikes, look_alikes
from omentum.phantom.tissue import TISSUES, tissue_index

ALWAYS = 100.0
"""A factor with which every patient has every finding."""


def test_every_row_names_tissues_and_structures_that_exist():
    for row in look_alikes():
        assert all(STRUCTURES.find(host).key == host for host in row.hosts)
        assert all(0 < outer <= 1 and tissue_index(name) >= 0 for outer, name in row.layers)
        assert 0 < row.odds < 1
        assert row.radius_mm[2] < row.radius_mm[0] < row.radius_mm[3]


@pytest.fixture(scope="module")
def pairs():
    ill = [
        insert_lesions(slabs(), np.random.default_rng(n), LesionOptions(dict.fromkeys(KINDS, 1.0), look_alikes=0))
        for n in range(6)
    ]
    return [(body, insert_look_alikes(body, np.random.default_rng(9), ALWAYS)) for body in ill]


def test_the_truth_and_the_lesions_stay(pairs):
    for before, after in pairs:
        assert after.truth is before.truth
        changed = before.tissue != after.tissue
        assert changed.any()
        lesion = np.any([before.truth.mask(key) for key in KINDS], axis=0)
        assert not (changed & lesion).any()


def test_they_lie_in_their_hosts_and_spare_vessels(pairs):
    blood = [k for k, tissue in enumerate(TISSUES) if tissue.family == "blood"]
    for before, after in pairs:
        changed = before.tissue != after.tissue
        hosts = {host for row in look_alikes() for host in row.hosts}
        assert not (changed & ~np.any([before.truth.mask(host) for host in hosts], axis=0)).any()
        assert not (changed & np.isin(before.tissue, blood)).any()


def test_all_kinds_are_listed_with_place_and_volume(pairs):
    found = [one for _, after in pairs for one in after.facts["look_alikes"]]
    json.dumps(found)
    assert {one["kind"] for one in found} == {row.name for row in look_alikes()}
    assert all(one["volume_ml"] > 0 for one in found)


def test_they_change_neither_lesions_nor_the_draws_after_them():
    with_them, without = np.random.default_rng(4), np.random.default_rng(4)
    one = insert_lesions(slabs(), with_them, LesionOptions(look_alikes=ALWAYS))
    other = insert_lesions(slabs(), without, LesionOptions(look_alikes=0))
    assert np.array_equal(one.truth.bits, other.truth.bits)
    assert with_them.random() == without.random()
