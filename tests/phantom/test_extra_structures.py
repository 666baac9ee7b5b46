"""Structures on request: where they belong, exact, and nothing else changes by their being possible."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError
from omentum.phantom import BodyOptions, CaseOptions, build_body, make_case
from omentum.phantom.extra_structures import EXTRA_STRUCTURES
from omentum.phantom.tissue import TISSUES


@pytest.fixture(autouse=True)
def _packaged_table():
    yield
    STRUCTURES.reset()


def built(seed: int, extra: tuple[str, ...] = EXTRA_STRUCTURES):
    return build_body(np.random.default_rng(seed), (4.0, 4.0, 4.0), BodyOptions("m", "abdomen", (), extra))


def middle(body, key):
    return body.grid.to_world(np.argwhere(body.truth.mask(key)).mean(axis=0))


def test_they_are_where_they_belong():
    bodies, gaps = [built(seed) for seed in range(5)], []
    for body in bodies:
        assert body.truth.classes == (*STRUCTURES.default_keys, *EXTRA_STRUCTURES)
        assert body.truth.annotated == frozenset(body.truth.classes)
        tube, colon = body.truth.mask("appendix"), body.truth.mask("colon")
        assert tube.sum() > 5
        assert not (tube & colon).any()
        assert middle(body, "appendix")[0] > middle(body, "aorta")[0]  # right
        assert middle(body, "appendix")[2] < middle(body, "right_kidney")[2]
        gaps.append(np.linalg.norm((np.argwhere(tube)[:, None] - np.argwhere(colon)[None]) * 4.0, axis=2).min())
        mass = body.truth.mask("adrenal_mass")
        assert not (mass & ~(body.truth.mask("right_adrenal") | body.truth.mask("left_adrenal"))).any()
        bone = np.array([t.name for t in TISSUES])[body.tissue][body.truth.mask("vertebra_l1")]
        assert np.isin(bone, ["cortical_bone", "thin_cortex", "trabecular_bone", "marrow_fat"]).all()
        low, high = STRUCTURES["vertebra_l1"].volume_ml
        assert low < body.truth.mask("vertebra_l1").sum() * body.grid.voxel_volume_ml < high
        assert abs(middle(body, "vertebra_l1")[2] - middle(body, "pancreas")[2]) < 60
    assert np.median(gaps) < 15  # the scan may begin above the caecum, or bowel lie between
    present = [body.truth.mask("adrenal_mass").any() for body in bodies]
    assert any(present)
    assert not all(present)


def test_the_first_lumbar_vertebra_changes_no_voxel_of_the_body():
    plain, named = built(3, ()), built(3, ("vertebra_l1",))
    assert np.array_equal(plain.tissue, named.tissue)
    assert all(np.array_equal(plain.truth.mask(k), named.truth.mask(k)) for k in STRUCTURES.default_keys)


def test_a_case_without_them_is_what_it_was_before_they_were_possible():
    case = make_case((0, 1), (8.0, 8.0, 8.0), options=CaseOptions())
    digest = hashlib.sha256(case.ct.voxels.tobytes() + case.truth.bits.tobytes()).hexdigest()
    assert (digest[:16], "extra" in case.facts) == ("4b80196a390f1fec", False)
    assert STRUCTURES.keys == STRUCTURES.default_keys


def test_strange_ones_are_refused():
    with pytest.raises(UsageError, match="appendix"):
        BodyOptions(extra=("tail",))
