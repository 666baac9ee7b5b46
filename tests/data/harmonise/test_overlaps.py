"""One mask a structure: they overlap, contradict one another, or come in parts."""

import numpy as np
import pytest
from native_labels import AFFINE, GRID, HU, cube, kinds, means
from sided_body import LEFT_KIDNEY, RIGHT_KIDNEY, drawn

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import may_overlap
from omentum.data.harmonise.harmonise import harmonise_masks
from omentum.errors import GeometryError


def of_masks(*masks, annotated, **options):
    shape = masks[0][1].shape
    return harmonise_masks(masks, shape, options.pop("affine", AFFINE), annotated, **options)


def test_parts_add_up():
    lobe = cube(1, 1, 1) | cube(1, 1, 5)
    harmonised = of_masks(
        (means("right_lung"), cube(1, 1, 1)), (means("right_lung"), cube(1, 1, 5)), annotated={"right_lung"}
    )
    np.testing.assert_array_equal(harmonised.truth.mask("right_lung"), lobe)
    assert harmonised.notes == ()


def test_the_one_painted_last_keeps_what_two_organs_claim():
    liver, gallbladder = cube(1, 1, 1, side=8), cube(6, 6, 6)
    harmonised = of_masks(
        (means("gallbladder"), gallbladder), (means("liver"), liver), annotated={"liver", "gallbladder"}
    )
    assert STRUCTURES["gallbladder"].paint_order > STRUCTURES["liver"].paint_order
    np.testing.assert_array_equal(harmonised.truth.mask("gallbladder"), gallbladder)
    np.testing.assert_array_equal(harmonised.truth.mask("liver"), liver & ~gallbladder)
    (note,) = harmonised.notes
    assert note.text == "27 voxels claimed by liver were left to gallbladder"


def test_lesions_and_vessels_overlap_what_they_lie_in():
    liver = cube(1, 1, 1, side=8)
    tumour, vessel, portal = cube(2, 2, 2), cube(5, 5, 5), cube(5, 1, 1)
    harmonised = of_masks(
        (means("liver"), liver),
        (means("liver_tumour"), tumour),
        (means("hepatic_vessel"), vessel),
        (means("portal_splenic_vein"), portal),
        annotated={"liver", "liver_tumour", "hepatic_vessel", "portal_splenic_vein"},
    )
    for key, mask in zip(
        ("liver", "liver_tumour", "hepatic_vessel", "portal_splenic_vein"),
        (liver, tumour, vessel, portal),
        strict=True,
    ):
        np.testing.assert_array_equal(harmonised.truth.mask(key), mask, err_msg=key)
    assert harmonised.notes == ()


def test_a_lesion_left_out_of_its_organ_is_given_back():
    tumour = cube(4, 4, 4)
    liver = cube(1, 1, 1, side=8) & ~tumour
    masks = ((means("liver"), liver), (means("liver_tumour"), tumour))
    harmonised = of_masks(*masks, annotated={"liver", "liver_tumour"})
    np.testing.assert_array_equal(harmonised.truth.mask("liver"), liver | tumour)
    assert harmonised.notes[0].text == "64 voxels of liver_tumour were not in liver; now they are"
    # A liver nobody looked for is not made up from its tumour.
    assert of_masks(masks[1], annotated={"liver_tumour"}).truth.present() == {"liver_tumour"}


def test_a_mask_of_both_kidneys_fills_in_what_the_sided_ones_leave_open():
    right, left = drawn(GRID, RIGHT_KIDNEY), drawn(GRID, LEFT_KIDNEY)
    harmonised = of_masks(
        (means(pairs=["kidneys"]), right | left),
        (means("right_kidney"), right),
        annotated={"right_kidney", "left_kidney"},
        affine=GRID.affine,
        hu=HU,
    )
    np.testing.assert_array_equal(harmonised.truth.mask("right_kidney"), right)
    np.testing.assert_array_equal(harmonised.truth.mask("left_kidney"), left)


def test_what_both_sides_claim_goes_by_position():
    right, left = drawn(GRID, RIGHT_KIDNEY), drawn(GRID, LEFT_KIDNEY)
    tip = right & drawn(GRID, ((60, -40, -110), (30, 30, 15)))
    assert tip.any()
    harmonised = of_masks(
        (means("right_kidney"), right),
        (means("left_kidney"), left | tip),
        annotated={"kidneys"},
        affine=GRID.affine,
        hu=HU,
    )
    np.testing.assert_array_equal(harmonised.truth.mask("right_kidney"), right)
    np.testing.assert_array_equal(harmonised.truth.mask("left_kidney"), left)
    assert kinds(harmonised) == ["conflict"]


def test_sides_the_wrong_way_round_are_told_and_left_alone():
    right, left = drawn(GRID, RIGHT_KIDNEY), drawn(GRID, LEFT_KIDNEY)
    harmonised = of_masks(
        (means("right_kidney"), left),
        (means("left_kidney"), right),
        annotated={"kidneys"},
        affine=GRID.affine,
        hu=HU,
    )
    np.testing.assert_array_equal(harmonised.truth.mask("right_kidney"), left)
    assert kinds(harmonised) == ["swapped sides"]
    assert harmonised.notes[0].suspect


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(GeometryError, match="a mask has shape"):
        of_masks((means("liver"), cube(1, 1, 1)), (means("liver"), np.zeros((3, 3, 3), bool)), annotated={"liver"})


def test_overlap_is_mutual_and_only_for_lesions_guests_and_the_portal_vein():
    for one in STRUCTURES.keys:
        for other in STRUCTURES.keys:
            assert may_overlap(one, other) == may_overlap(other, one)
    assert may_overlap("kidney_cyst", "kidney_tumour")
    assert may_overlap("hepatic_vessel", "liver")
    assert may_overlap("portal_splenic_vein", "pancreas")
    assert not may_overlap("aorta", "oesophagus")
    assert not may_overlap("right_kidney", "left_kidney")
