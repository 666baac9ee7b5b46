"""Pairs with one value are parted into left and right, or neither side counts as annotated."""

import numpy as np
from native_labels import GRID, HU, LITS, means
from sided_body import LEFT_KIDNEY, LEFT_LUNG, RIGHT_KIDNEY, RIGHT_LUNG, drawn

from omentum.data.datasets.recipe import Target
from omentum.data.harmonise.harmonise import harmonise

CT_ORG = {1: LITS[1], 3: Target(frozenset(), frozenset({"lungs"})), 4: Target(frozenset(), frozenset({"kidneys"}))}


def test_merged_pairs_are_parted_and_both_sides_are_annotated():
    native = np.zeros(GRID.shape, np.int16)
    native[drawn(GRID, RIGHT_KIDNEY, LEFT_KIDNEY)] = 4
    native[drawn(GRID, RIGHT_LUNG, LEFT_LUNG)] = 3
    truth = harmonise(native, GRID.affine, CT_ORG, {"liver", "kidneys", "lungs"}, hu=HU).truth
    assert truth.annotated == {"liver", "right_kidney", "left_kidney", "right_lung", "left_lung"}
    for key, shape in (
        ("right_kidney", RIGHT_KIDNEY),
        ("left_kidney", LEFT_KIDNEY),
        ("right_lung", RIGHT_LUNG),
        ("left_lung", LEFT_LUNG),
    ):
        np.testing.assert_array_equal(truth.mask(key), drawn(GRID, shape), err_msg=key)


def test_tumours_count_when_a_kidney_is_told_left_from_right():
    """KiTS: the tumour is a value of its own, and kidney; it goes where its kidney goes, even across the midline."""
    kits = {1: means(pairs=["kidneys"]), 2: means("kidney_tumour", pairs=["kidneys"])}
    tumour = drawn(GRID, ((30, -30, -90), (38, 30, 30)))
    native = drawn(GRID, RIGHT_KIDNEY, LEFT_KIDNEY).astype(np.uint8)
    native[tumour] = 2
    truth = harmonise(native, GRID.affine, kits, {"kidneys", "kidney_tumour"}, hu=HU).truth
    np.testing.assert_array_equal(truth.mask("kidney_tumour"), tumour)
    np.testing.assert_array_equal(truth.mask("right_kidney"), drawn(GRID, RIGHT_KIDNEY) | tumour)
    np.testing.assert_array_equal(truth.mask("left_kidney"), drawn(GRID, LEFT_KIDNEY) & ~tumour)


def test_one_kidney_leaves_the_other_annotated_and_absent():
    native = np.where(drawn(GRID, LEFT_KIDNEY), 4, 0)
    truth = harmonise(native, GRID.affine, CT_ORG, {"kidneys"}, hu=HU).truth
    assert truth.annotated == {"right_kidney", "left_kidney"}
    assert truth.present() == {"left_kidney"}


def test_sides_that_cannot_be_told_are_not_annotated():
    native = np.where(drawn(GRID, ((2, -30, -100), (30, 25, 40))), 4, 0)
    native[drawn(GRID, RIGHT_LUNG, LEFT_LUNG)] = 3
    harmonised = harmonise(native, GRID.affine, CT_ORG, {"kidneys", "lungs"}, hu=HU)
    assert harmonised.truth.annotated == {"right_lung", "left_lung"}
    assert harmonised.truth.present() == {"right_lung", "left_lung"}
    (note,) = harmonised.notes
    assert note.kind == "unsure sides"
    assert note.suspect
    assert "kidneys: the only part lies on the midline; neither side counts as annotated" in note.text


def test_fused_organs_are_remarked():
    native = np.where(drawn(GRID, RIGHT_LUNG, LEFT_LUNG, ((2, 50, 80), (40, 9, 30))), 3, 0)
    harmonised = harmonise(native, GRID.affine, CT_ORG, {"lungs"}, hu=HU)
    assert next(n.text for n in harmonised.notes if n.kind == "sides").startswith("lungs: left and right are grown")
    assert harmonised.truth.annotated == {"right_lung", "left_lung"}
