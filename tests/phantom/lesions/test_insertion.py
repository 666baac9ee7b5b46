import json

import numpy as np
import pytest
from slab_body import slabs

from omentum.anatomy import STRUCTURES
from omentum.phantom.body import PhantomBody
from omentum.phantom.lesions.insertion import LesionOptions, insert_lesions
from omentum.phantom.lesions.kinds import KINDS
from omentum.phantom.tissue import TISSUES, tissue_index

HOST = {kind: STRUCTURES[kind].hosts for kind in KINDS}


@pytest.fixture(scope="module")
def diseased():
    options = LesionOptions(odds=dict.fromkeys(KINDS, 1.0), look_alikes=0)
    return [(slabs(), insert_lesions(slabs(), np.random.default_rng(seed), options)) for seed in range(12)]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_appears_inside_its_host(diseased, kind):
    assert sum(after.truth.mask(kind).any() for _, after in diseased) >= 11
    for _, after in diseased:
        in_a_host = np.any([after.truth.mask(host) for host in HOST[kind]], axis=0)
        assert not (after.truth.mask(kind) & ~in_a_host).any()


def test_liver_tumours_are_hepatic_vessel_tumours(diseased):
    for _, after in diseased:
        assert np.array_equal(after.truth.mask("liver_tumour"), after.truth.mask("hepatic_vessel_tumour"))
        assert not (after.truth.mask("liver_tumour") & after.truth.mask("hepatic_vessel")).any()


def test_neighbours_and_great_vessels_stay(diseased):
    for before, after in diseased:
        for key in ("aorta", "gallbladder"):
            assert np.array_equal(before.truth.mask(key), after.truth.mask(key))
        assert (after.tissue[before.truth.mask("aorta")] == tissue_index("aorta")).all()
        organs = [key for hosts in HOST.values() for key in hosts]
        for key in organs:
            grown = after.truth.mask(key) & ~before.truth.mask(key)
            assert (before.tissue[grown] == tissue_index("visceral_fat")).all()
            assert (before.truth.mask(key) <= after.truth.mask(key)).all()


def test_truth_is_what_was_painted(diseased):
    lesion_tissue = [k for k, t in enumerate(TISSUES) if t.family in {"lesion", "haze"} or "tumour" in t.name]
    for before, after in diseased:
        changed = before.tissue != after.tissue
        marked = np.any([after.truth.mask(k) for k in KINDS], axis=0)
        assert not (np.isin(after.tissue, lesion_tissue) & ~marked).any()
        lumen = np.isin(after.tissue, [tissue_index("bowel_gas"), tissue_index("bowel_fluid")])
        assert not (changed & ~marked & ~lumen).any()


def test_some_bulge_out_of_the_kidney(diseased):
    bulging = [
        (after.truth.mask("right_kidney") & ~before.truth.mask("right_kidney")).any() for before, after in diseased
    ]
    assert any(bulging)


def test_facts_list_every_lesion(diseased):
    for _, after in diseased:
        json.dumps(after.facts)
        assert after.facts["sex"] == "female"
        for lesion in after.facts["lesions"]:
            index = np.linalg.solve(after.grid.affine[:3, :3], np.array(lesion["centre_mm"]) - after.grid.affine[:3, 3])
            assert (index > -1).all()
            assert (index < after.grid.shape).all()
            assert lesion["volume_ml"] > 0
            assert lesion["host"] in HOST[lesion["structure"]]


def test_no_odds_no_lesions_and_the_body_given_stays():
    body = slabs()
    bits = body.truth.bits.copy()
    after = insert_lesions(body, np.random.default_rng(0), LesionOptions(odds={}, look_alikes=0))
    assert after.facts["lesions"] == []
    assert np.array_equal(after.tissue, body.tissue)
    insert_lesions(body, np.random.default_rng(0), LesionOptions(odds=dict.fromkeys(KINDS, 1.0)))
    assert np.array_equal(body.truth.bits, bits)


def test_a_missing_organ_gets_no_lesion():
    body = slabs()
    keep = [key for key in body.truth.classes if key != "pancreas"]
    body = PhantomBody(body.grid, body.tissue, body.truth.subset(keep))
    after = insert_lesions(body, np.random.default_rng(0), LesionOptions(odds={"pancreas_tumour": 1.0}))
    assert after.facts["lesions"] == []
