"""Label maps in a dataset's numbers: what an annotator there would have written, and read back as the truth."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import may_overlap
from omentum.anatomy.numbering import Numbering
from omentum.anatomy.pairs import PAIRS
from omentum.data.datasets.numbering import numbering_of_recipe
from omentum.data.datasets.recipe_catalogue import bundled_recipes
from omentum.data.datasets.sites import Studio, load_sites
from omentum.data.datasets.sites.annotate import native_map
from omentum.data.harmonise.harmonise import harmonise
from omentum.segmentation import Segmentation

STUDIO = Studio(seed=5, finest_mm=(5.0, 5.0, 6.0), bodies=1)
WITH_NUMBERS = sorted(key for key, recipe in bundled_recipes().items() if recipe.values)
DRAWN = [key for key in WITH_NUMBERS if load_sites()[key].paint]


def numbers_of(key: str) -> Numbering:
    return numbering_of_recipe(bundled_recipes()[key])


@cache
def patient(key: str):
    """A CT and exact masks of all structures, as the site images its patients; with tumours and cysts where it has."""
    site = load_sites()[key]
    return STUDIO.scan_of(site.patient_of(site.ids[0]))


@pytest.mark.parametrize("key", DRAWN)
def test_it_is_what_an_annotator_of_the_dataset_writes(key):
    """The table of the sites was written from descriptions of the datasets, not from the recipes."""
    site, truth = load_sites()[key], patient(key).truth
    native = native_map(truth, site, "")
    found = truth.numbered(numbers_of(key))
    ours = ~np.isin(native, [value for value in site.foreign if isinstance(value, int)])
    np.testing.assert_array_equal(found[ours], native[ours])
    assert found.any()


@pytest.mark.parametrize("key", WITH_NUMBERS)
def test_read_back_it_is_the_truth_of_what_the_dataset_labels(key):
    """Exceptions: one number a voxel cannot say that a vessel runs through an organ (the organ is then read without it,
    unless it is its only host), and lesions of no named organ (FLARE23's 14) leave organs in doubt."""
    recipe, case = bundled_recipes()[key], patient(key)
    native = case.truth.numbered(numbers_of(key))
    read = harmonise(native, case.truth.affine, recipe.values, recipe.annotated, hu=case.ct.voxels)
    assert read.truth.annotated
    for one in read.truth.annotated:
        truth, found = case.truth.mask(one), read.truth.mask(one)
        hidden = np.zeros(truth.shape, bool)
        for other in recipe.annotated - {one}:
            drawn_over = STRUCTURES[other].paint_order > STRUCTURES[one].paint_order
            if drawn_over and one not in STRUCTURES[other].hosts and may_overlap(one, other):
                hidden |= case.truth.mask(other)
        np.testing.assert_array_equal(found | hidden, truth | hidden, err_msg=one)
    if not recipe.written:
        assert read.truth.annotated == recipe.annotated


def test_lesions_of_unnamed_organs_are_written_too():
    truth, found = patient("flare23").truth, patient("flare23").truth.numbered(numbers_of("flare23"))
    tumours = np.any([truth.mask(row.key) for row in STRUCTURES.expand("tumours")], axis=0)
    assert tumours.any()
    np.testing.assert_array_equal(found == 14, tumours)


SHAPE, AFFINE = (24, 6, 6), np.diag([15.0, 15.0, 15.0, 1.0])


@st.composite
def overlapping(draw) -> Segmentation:
    """Any masks over one another, sides on their side of a wide gap, lesions in the organ they live in."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    masks = {s.key: rng.random(SHAPE) < draw(st.sampled_from([0.0, 0.1, 0.4])) for s in STRUCTURES if not s.hosts}
    for right, left in PAIRS.values():
        masks[right][:16], masks[left][8:] = False, False
    for s in STRUCTURES:
        if s.hosts:
            masks[s.key] = np.any([masks[host] for host in s.hosts], axis=0) & (rng.random(SHAPE) < 0.5)
    return Segmentation.from_masks(masks, AFFINE)


def reference(structures: frozenset[str], key: str) -> int:
    """The number of a voxel, found from the top: what is painted last of all that some value is about."""
    recipe = bundled_recipes()[key]
    for one in sorted(structures, key=lambda k: STRUCTURES[k].paint_order, reverse=True):
        for value, target in recipe.values.items():
            said = frozenset(recipe.written.get(value, target.gives))
            most = max(STRUCTURES[k].paint for k in said) if said else 0
            if one in said and (value in recipe.written or STRUCTURES[one].paint == most):
                return value
    return 0


@pytest.mark.parametrize("key", WITH_NUMBERS)
@settings(max_examples=8)
@given(truth=overlapping())
def test_where_masks_overlap_the_last_painted_counts(key, truth):
    found = truth.numbered(numbers_of(key)).ravel()
    sets = truth.bits[0].ravel()
    for bits in np.unique(sets):
        held = frozenset(name for k, name in enumerate(truth.classes) if int(bits) >> k & 1)
        assert set(found[sets == bits].tolist()) == {reference(held, key)}, held


@pytest.mark.parametrize("key", WITH_NUMBERS)
@settings(max_examples=8)
@given(truth=overlapping())
def test_written_read_and_written_again_is_the_same(key, truth):
    recipe, numbering = bundled_recipes()[key], numbers_of(key)
    native = truth.numbered(numbering)
    read = harmonise(native, AFFINE, recipe.values, recipe.annotated).truth
    again = read.numbered(numbering)
    for entry in numbering.entries:
        if {*entry.structures} <= read.annotated and entry.value not in recipe.written:
            np.testing.assert_array_equal(again == entry.value, native == entry.value)
    for one in read.annotated:  # the side of a voxel is found by where it lies: another room's tests
        sides = next((PAIRS[p] for t in recipe.values.values() for p in t.pairs if one in PAIRS[p]), (one,))
        both = [np.any([masks.mask(key) for key in sides], axis=0) for masks in (read, truth)]
        assert not (both[0] & ~both[1]).any()
