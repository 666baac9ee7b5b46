"""Sides and hosts, the failures of the published rules among them."""

import numpy as np
import pytest
from torso import MIDDLE, SHAPE, block, torso_affine, torso_ct, torso_masks

from omentum.postprocess import clean
from omentum.segmentation import Segmentation
from omentum.volume import Volume

NOTHING = np.zeros(SHAPE, bool)
RIGHT = block((18, 24), (2, 8), (3, 10))
LEFT = block((6, 12), (2, 8), (4, 11))


def cleaned(seg, ct=None):
    return clean(seg, ct or torso_ct()).segmentation


def assert_masks(seg, **masks):
    for key, mask in masks.items():
        np.testing.assert_array_equal(seg.mask(key), mask, err_msg=key)


class TestSides:
    def test_a_single_kidney_is_the_one_of_its_side(self):
        """Published: always right."""
        seg = cleaned(torso_masks(right_kidney=LEFT, left_kidney=NOTHING))
        assert_masks(seg, right_kidney=NOTHING, left_kidney=LEFT)
        seg = cleaned(torso_masks(right_kidney=RIGHT, left_kidney=NOTHING))
        assert_masks(seg, right_kidney=RIGHT, left_kidney=NOTHING)

    def test_swapped_kidneys_are_swapped_back(self):
        seg = cleaned(torso_masks(right_kidney=LEFT, left_kidney=RIGHT))
        assert_masks(seg, right_kidney=RIGHT, left_kidney=LEFT)

    def test_fused_lungs_under_one_name_are_parted_at_the_middle(self):
        """Published: both erased. The released weights call both lungs the left one."""
        both = block((5, 25), (2, 9), (3, 12))
        seg = cleaned(torso_masks(right_lung=NOTHING, left_lung=both))
        assert_masks(seg, right_lung=both & block((MIDDLE, 30), (0, 12), (0, 16)))
        assert_masks(seg, left_lung=both & block((0, MIDDLE), (0, 12), (0, 16)))

    def test_lungs_that_touch_stay_as_they_are(self):
        right, left = block((15, 25), (2, 9), (3, 12)), block((5, 15), (2, 9), (3, 12))
        assert_masks(cleaned(torso_masks(right_lung=right, left_lung=left)), right_lung=right, left_lung=left)

    def test_a_lung_may_reach_over_the_middle(self):
        right = block((13, 25), (2, 9), (3, 12))
        assert_masks(cleaned(torso_masks(right_lung=right, left_lung=NOTHING)), right_lung=right, left_lung=NOTHING)

    def test_a_voxel_called_both_goes_to_its_side(self):
        both = block((5, 25), (2, 9), (3, 12))
        seg = cleaned(torso_masks(right_lung=both, left_lung=both))
        assert not (seg.mask("right_lung") & seg.mask("left_lung")).any()
        assert seg.mask("right_lung").sum() == seg.mask("left_lung").sum() == both.sum() / 2

    def test_one_side_asked_for_alone_is_not_lost(self):
        """Published: the left lung without the right one came out empty."""
        assert_masks(cleaned(torso_masks(left_lung=LEFT)), left_lung=LEFT)
        assert_masks(cleaned(torso_masks(left_lung=LEFT | RIGHT)), left_lung=LEFT)

    def test_sides_follow_the_affine_and_not_the_array(self):
        flipped = torso_affine() @ np.diag([-1.0, 1, 1, 1])
        masks = {"right_kidney": LEFT, "left_kidney": RIGHT}  # along -x what is first in the array is on the right
        seg = Segmentation.from_masks(masks, flipped)
        assert_masks(cleaned(seg, torso_ct(flipped)), **masks)

    def test_where_the_middle_is_unknown_nothing_moves(self):
        solid = Volume(np.full(SHAPE, 40, np.int16), torso_affine())
        assert_masks(cleaned(torso_masks(right_kidney=LEFT, left_kidney=NOTHING), solid), right_kidney=LEFT)


class TestHosts:
    LIVER = block((16, 26), (2, 9), (4, 13))

    def test_a_lesion_far_from_its_organ_goes_and_one_growing_out_of_it_stays_whole(self):
        growing, far = block((10, 18), (3, 6), (5, 8)), block((3, 5), (3, 6), (1, 3))
        seg = cleaned(torso_masks(liver=self.LIVER, liver_tumour=growing | far))
        assert_masks(seg, liver_tumour=growing)

    def test_a_lesion_beside_its_organ_stays_within_reach(self):
        beside, beyond = block((14, 15), (3, 5), (5, 7)), block((13, 14), (3, 5), (10, 12))  # 20 and 30 mm off
        near = block((15, 16), (3, 5), (5, 7))
        for lesion, stays in ((near, True), (beside, False), (beyond, False)):
            seg = cleaned(torso_masks(liver=self.LIVER, liver_tumour=lesion))
            assert seg.mask("liver_tumour").any() == stays

    def test_vessels_are_cut_to_the_liver(self):
        vessel = block((12, 20), (4, 6), (6, 8))
        seg = cleaned(torso_masks(liver=self.LIVER, hepatic_vessel=vessel))
        assert_masks(seg, hepatic_vessel=vessel & self.LIVER)

    @pytest.mark.parametrize(
        "masks",
        [
            {"liver": NOTHING, "liver_tumour": LEFT},
            {"liver_tumour": LEFT},
            {"liver": NOTHING, "hepatic_vessel": LEFT},
            {"right_kidney": RIGHT, "kidney_tumour": LEFT},
            {"right_kidney": RIGHT, "left_kidney": NOTHING, "kidney_tumour": LEFT},
        ],
        ids=["not found", "not asked for", "vessels, not found", "one not asked for", "one not found"],
    )
    def test_without_all_hosts_nothing_is_thrown_away(self, masks):
        assert_masks(cleaned(torso_masks(**masks)), **masks)

    def test_a_necrotic_core_is_tumour_if_it_is_liver(self):
        ring = block((18, 23), (3, 8), (6, 11))
        core = block((20, 21), (5, 6), (8, 9))
        seg = cleaned(torso_masks(liver=self.LIVER, liver_tumour=ring & ~core))
        assert_masks(seg, liver_tumour=ring)
        seg = cleaned(torso_masks(liver=self.LIVER & ~core, liver_tumour=ring & ~core))
        assert_masks(seg, liver=self.LIVER, liver_tumour=ring)


class TestPieces:
    @pytest.mark.parametrize("key", ["colon", "small_bowel", "portal_splenic_vein", "inferior_vena_cava"])
    def test_what_lies_apart_in_the_body_stays(self, key):
        """Published: all but the largest component of the bowel was thrown away."""
        parts = block((4, 9), (3, 6), (3, 6)) | block((18, 24), (3, 6), (9, 13))
        assert_masks(cleaned(torso_masks(**{key: parts})), **{key: parts})

    def test_a_fragment_of_a_solid_organ_goes(self):
        seg = cleaned(torso_masks(spleen=LEFT | block((20, 22), (3, 5), (3, 5))))
        assert_masks(seg, spleen=LEFT)

    def test_a_cavity_is_filled_but_not_with_another_organ(self):
        inner = block((8, 10), (4, 5), (6, 8))
        assert_masks(cleaned(torso_masks(spleen=LEFT & ~inner)), spleen=LEFT)
        seg = cleaned(torso_masks(spleen=LEFT & ~inner, aorta=inner))
        assert_masks(seg, spleen=LEFT & ~inner, aorta=inner)
