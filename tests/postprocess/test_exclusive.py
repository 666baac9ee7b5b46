"""Voxels that several structures claim: who gets them, and who may share them."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torso import SHAPE, block, torso_ct, torso_masks

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import may_overlap
from omentum.postprocess import clean, find_cleaner
from omentum.postprocess.exclusive import make_exclusive
from omentum.postprocess.mask_editor import MaskEditor
from omentum.segmentation import Segmentation

LEFT, MIDDLE, RIGHT = block((2, 8), (2, 9), (2, 9)), block((8, 14), (2, 9), (2, 9)), block((14, 20), (2, 9), (2, 9))
KEYS = (
    *("liver", "spleen", "stomach", "pancreas", "colon", "inferior_vena_cava", "aorta", "hepatic_vessel"),
    *("portal_splenic_vein", "right_adrenal", "left_adrenal", "liver_tumour", "hepatic_vessel_tumour", "colon_tumour"),
    *("right_lung", "left_lung", "lung_tumour"),
)


def exclusive(**masks):
    editor = MaskEditor(torso_masks(**masks))
    make_exclusive(editor)
    return editor


@st.composite
def claims(draw: st.DrawFn) -> Segmentation:
    """Every structure is a box, or is missing."""
    masks = {}
    for key in draw(st.lists(st.sampled_from(KEYS), min_size=2, unique=True)):
        start = [draw(st.integers(0, 9)) for _ in SHAPE]
        masks[key] = block(*((a, a + draw(st.integers(0, 12))) for a in start))
    return torso_masks(**masks)


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        ("right_adrenal", "liver"),
        ("coeliac_trunk", "aorta"),
        ("inferior_vena_cava", "liver"),
        ("pancreas", "stomach"),
        ("aorta", "oesophagus"),
        ("portal_splenic_vein", "spleen"),
    ],
)
def test_vessels_and_small_organs_keep_what_is_contested(winner, loser):
    for keys in ((winner, loser), (loser, winner)):
        editor = exclusive(**{key: MIDDLE | (RIGHT if key == winner else LEFT) for key in keys})
        np.testing.assert_array_equal(editor.seg.mask(winner), MIDDLE | RIGHT)
        np.testing.assert_array_equal(editor.seg.mask(loser), LEFT)
        (change,) = editor.changes()
        assert (change.structure, change.rule, change.added_ml) == (loser, "exclusive", 0.0)
        assert change.removed_ml == pytest.approx(MIDDLE.sum() * editor.seg.grid.voxel_volume_ml)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("liver", "liver_tumour"),
        ("liver_tumour", "hepatic_vessel_tumour"),
        ("liver", "hepatic_vessel"),
        ("hepatic_vessel", "liver_tumour"),
        ("pancreas", "portal_splenic_vein"),
        ("right_kidney", "left_kidney"),  # the midline decides
    ],
)
def test_hosts_lesions_and_pairs_share_voxels_as_before(one, other):
    editor = exclusive(**{one: LEFT | MIDDLE, other: MIDDLE | RIGHT})
    np.testing.assert_array_equal(editor.seg.mask(one), LEFT | MIDDLE)
    np.testing.assert_array_equal(editor.seg.mask(other), MIDDLE | RIGHT)
    assert editor.changes() == ()


def test_a_lesion_keeps_its_host():
    """Without the tumour, the liver yields all to the stomach."""
    plain = exclusive(liver=LEFT | MIDDLE, stomach=MIDDLE | RIGHT)
    assert not plain.seg.mask("liver")[MIDDLE].any()
    tumour = block((10, 12), (3, 6), (3, 6))
    seg = exclusive(liver=LEFT | MIDDLE, stomach=MIDDLE | RIGHT, liver_tumour=tumour).seg
    np.testing.assert_array_equal(seg.mask("liver"), LEFT | tumour)
    np.testing.assert_array_equal(seg.mask("stomach"), (MIDDLE | RIGHT) & ~tumour)
    np.testing.assert_array_equal(seg.mask("liver_tumour"), tumour)


def test_a_vessel_of_the_liver_stays_within_it():
    """The vena cava yields to the hepatic vessel that enters it, and the liver keeps that."""
    seg = exclusive(liver=MIDDLE, inferior_vena_cava=MIDDLE, hepatic_vessel=block((8, 10), (2, 9), (2, 9))).seg
    np.testing.assert_array_equal(seg.mask("liver"), seg.mask("hepatic_vessel"))
    np.testing.assert_array_equal(seg.mask("inferior_vena_cava"), MIDDLE & ~seg.mask("liver"))


@given(claims())
def test_nobody_shares_a_voxel_who_may_not_and_no_voxel_is_lost(seg):
    editor = MaskEditor(Segmentation(seg.bits.copy(), seg.affine, seg.classes))
    make_exclusive(editor)
    after = editor.seg
    for one, other in combinations(seg.classes, 2):
        if not may_overlap(one, other) and STRUCTURES[one].pair != other:
            assert not (after.mask(one) & after.mask(other)).any()
    assert not (after.bits & ~seg.bits).any()
    np.testing.assert_array_equal(after.bits.any(axis=0), seg.bits.any(axis=0))
    for key in seg.classes:
        if STRUCTURES[key].is_lesion:
            np.testing.assert_array_equal(after.mask(key), seg.mask(key))


@given(claims())
def test_the_label_map_shows_what_it_showed(seg):
    before = seg.labelmap()
    make_exclusive(MaskEditor(seg))
    np.testing.assert_array_equal(seg.labelmap(), before)


def test_the_cleaner_does_it_where_asked():
    seg = torso_masks(liver=LEFT | MIDDLE, stomach=MIDDLE | RIGHT)
    assert clean(seg, torso_ct()).segmentation.mask("liver")[MIDDLE].all()
    for name, shared in (("omentum", False), ("none", True), ("published", True)):
        lent = torso_masks(liver=LEFT | MIDDLE, stomach=MIDDLE | RIGHT)
        cleaned = find_cleaner(name, exclusive=True)(lent, torso_ct()).segmentation
        assert cleaned.mask("liver")[MIDDLE].any() == shared
        assert cleaned.mask("stomach")[MIDDLE].all()
