"""Packed, overlapping masks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from omentum.anatomy import STRUCTURES
from omentum.errors import GeometryError, UsageError
from omentum.pipeline import CaseSegmentation
from omentum.segmentation import Segmentation, in_several, no_bits, planes_for
from omentum.volume import Volume

KEYS = st.lists(st.sampled_from(STRUCTURES.keys), min_size=1, max_size=32, unique=True)


@st.composite
def mask_sets(draw):
    return {key: draw(arrays(bool, (2, 3, 2))) for key in draw(KEYS)}


@given(mask_sets())
def test_masks_come_back_whatever_they_overlap(masks):
    segmentation = Segmentation.from_masks(masks, np.eye(4))
    assert segmentation.classes == tuple(masks)
    assert segmentation.annotated == set(masks)
    for key, mask in masks.items():
        np.testing.assert_array_equal(segmentation.mask(key), mask)
    assert segmentation.present() == {key for key, mask in masks.items() if mask.any()}


@given(mask_sets(), st.randoms())
def test_a_subset_keeps_masks_in_the_order_asked(masks, random):
    chosen = random.sample(list(masks), random.randint(1, len(masks)))
    subset = Segmentation.from_masks(masks, np.eye(4)).subset(chosen)
    assert subset.classes == tuple(chosen)
    for key in chosen:
        np.testing.assert_array_equal(subset.mask(key), masks[key])


def test_lesions_paint_over_vessels_over_organs():
    everywhere = np.ones((1, 1, 1), bool)
    keys = ["liver_tumour", "liver", "hepatic_vessel"]
    segmentation = Segmentation.from_masks(dict.fromkeys(keys, everywhere), np.eye(4))
    assert segmentation.labelmap()[0, 0, 0] == STRUCTURES["liver_tumour"].index
    assert segmentation.subset(["liver", "hepatic_vessel"]).labelmap().item() == STRUCTURES["hepatic_vessel"].index


def test_a_mask_is_found_by_synonym():
    segmentation = Segmentation.from_masks({"right_kidney": np.ones((1, 1, 1), bool)}, np.eye(4))
    assert segmentation.mask("kidney right").all()
    with pytest.raises(UsageError, match=r"no class 'spleen' in this segmentation.*right_kidney"):
        segmentation.mask("spleen")


def test_what_was_not_looked_for_is_not_absent():
    empty = np.zeros((1, 1, 1), bool)
    segmentation = Segmentation.from_masks({"liver": empty, "liver_tumour": empty}, np.eye(4), annotated=["liver"])
    assert segmentation.annotated == {"liver"}
    assert segmentation.subset(["liver_tumour"]).annotated == frozenset()


@pytest.mark.parametrize(
    ("bits", "classes", "annotated", "fault", "words"),
    [
        (np.zeros((1, 2, 2, 2), np.uint16), ("liver",), None, GeometryError, "uint16"),
        (np.zeros((2, 2, 2, 2), np.uint64), ("liver",), None, GeometryError, "need uint32 bits of shape"),
        (np.zeros((1, 2, 2, 2), np.uint64), ("liver", "liver"), None, UsageError, "occurs twice"),
        (np.zeros((1, 2, 2, 2), np.uint64), ("liver",), frozenset({"spleen"}), UsageError, "annotated but not"),
    ],
)
def test_impossible_segmentations_are_refused(bits, classes, annotated, fault, words):
    with pytest.raises(fault, match=words):
        Segmentation(bits, np.eye(4), classes, annotated)


def test_planes_hold_64_classes_each():
    assert [planes_for(n) for n in (0, 1, 64, 65, 128)] == [1, 1, 1, 2, 2]


def test_a_part_is_a_view_of_the_same_voxels_of_the_patient():
    masks = {key: np.random.default_rng(n).random((4, 5, 6)) > 0.5 for n, key in enumerate(("liver", "spleen"))}
    whole = Segmentation.from_masks(masks, np.diag([2.0, -3.0, 4.0, 1.0]), annotated=["liver"])
    box = (slice(1, 4), slice(2, 3), slice(0, 6))
    part = whole.part(box)
    assert np.shares_memory(part.bits, whole.bits)
    assert part.annotated == {"liver"}
    np.testing.assert_array_equal(part.mask("spleen"), masks["spleen"][box])
    np.testing.assert_array_equal(part.grid.to_world((0, 0, 0)), whole.grid.to_world((1, 2, 0)))


@pytest.mark.parametrize(("classes", "dtype"), [(1, np.uint32), (32, np.uint32), (33, np.uint64), (65, np.uint64)])
def test_few_classes_take_half_the_memory(classes, dtype):
    assert no_bits(classes, (2, 2, 2)).dtype == dtype


def test_either_width_says_the_same():
    narrow = Segmentation.from_masks(
        {"liver": np.eye(3, dtype=bool)[None], "spleen": np.ones((1, 3, 3), bool)}, np.eye(4)
    )
    wide = Segmentation(narrow.bits.astype(np.uint64), narrow.affine, narrow.classes)
    assert narrow.bits.dtype == np.uint32
    assert narrow.boxes() == wide.boxes()
    for key in narrow.classes:
        np.testing.assert_array_equal(narrow.mask(key), wide.mask(key))
    np.testing.assert_array_equal(narrow.labelmap(), wide.labelmap())


def test_it_is_printed_on_a_line_without_its_voxels():
    affine = np.diag([-3.0, -3.0, 5.0, 1.0])
    masks = {key: np.zeros((40, 36, 34), bool) for key in STRUCTURES.keys}
    few = Segmentation.from_masks({"liver": masks["liver"]}, affine)
    assert repr(few) == "<Segmentation of 40 x 36 x 34 voxels of 3 x 3 x 5 mm, LPS; 1 class: liver>"
    assert repr(Segmentation.from_masks(masks, affine)) == (
        "<Segmentation of 40 x 36 x 34 voxels of 3 x 3 x 5 mm, LPS; 32 classes: "
        "spleen, right_kidney, left_kidney, gallbladder, oesophagus and 27 more>"
    )
    ct = Volume(np.zeros((40, 36, 34), np.int16), affine)
    assert repr(ct) == "<Volume of 40 x 36 x 34 voxels of 3 x 3 x 5 mm, LPS, int16>"
    case = CaseSegmentation(few.bits, affine, few.classes, ct=ct, manifest={"huge": list(range(10**4))})
    assert repr(case) == repr(few).replace("<Seg", "<CaseSeg")


@pytest.mark.parametrize(("planes", "dtype"), [(1, np.uint32), (1, np.uint64), (3, np.uint64)])
def test_voxels_of_several_classes_are_those_with_more_than_one_bit(planes, dtype):
    random = np.random.default_rng(0)
    powers = dtype(1) << random.integers(0, 8 * dtype().itemsize, (2, planes, 4, 5, 6), dtype=dtype)
    bits = np.where(random.random((planes, 4, 5, 6)) < 0.4, powers[0], 0) | np.where(
        random.random((planes, 4, 5, 6)) < 0.4, powers[1], 0
    )
    bits = bits.astype(dtype)
    counts = np.array([sum(int(plane[v]).bit_count() for plane in bits) for v in np.ndindex(4, 5, 6)])
    assert {0, 1, 2} <= {*counts.tolist()}
    np.testing.assert_array_equal(in_several(bits).ravel(), counts > 1)
