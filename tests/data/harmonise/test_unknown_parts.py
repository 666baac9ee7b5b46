"""What may be part of an unknown value or lesion does not count as annotated."""

import numpy as np
import pytest
from native_labels import AFFINE, LITS, SHAPE, cube, kinds, means

from omentum.data.datasets.recipe import Target
from omentum.data.harmonise.harmonise import harmonise, harmonise_masks

FLARE = {1: means("liver"), 2: means("spleen"), 3: means("kidney_tumour"), 14: Target(frozenset(), unknown="a lesion")}


def test_what_may_be_an_unknown_value_is_not_taught_as_absent():
    values = {1: means("liver"), 2: means("spleen"), 3: means("gallbladder")}
    sought = {"liver", "spleen", "gallbladder"}
    native = np.where(cube(1, 1, 1, side=9), 255, np.where(cube(12, 1, 1), 3, 0))
    affine = np.diag([-20.0, -20.0, 20.0, 1.0])
    harmonised = harmonise(native, affine, values, sought)
    assert harmonised.truth.annotated == {"gallbladder"}
    assert harmonised.notes[-1].text == "unknown values may be spleen, liver: not annotated in this case"
    assert harmonise(native, affine, values, sought, ignored=[255]).truth.annotated == sought
    assert harmonise(native, affine, values, sought, healthy=["liver_tumour"]).truth.annotated >= {"liver_tumour"}
    few = np.where(cube(12, 1, 1), 3, 0)
    few[1, 1, 1] = 255
    assert harmonise(few, affine / 20 + np.diag([0, 0, 0, 0.95]), values, sought).truth.annotated == sought


@pytest.mark.parametrize("as_masks", [False, True])
def test_what_an_unknown_lesion_touches_is_not_annotated(as_masks):
    native = np.where(cube(1, 1, 1, side=6), 1, np.where(cube(12, 1, 1), 2, 0))
    native[cube(7, 7, 7, side=3)] = 14  # touches the liver by a corner
    sought = {"liver", "spleen"}
    if as_masks:
        harmonised = harmonise_masks([(t, native == v) for v, t in FLARE.items()], SHAPE, AFFINE, sought)
    else:
        harmonised = harmonise(native, AFFINE, FLARE, sought)
    assert harmonised.truth.annotated == {"spleen"}
    assert harmonised.truth.present() == {"spleen"}
    assert [(n.kind, n.text) for n in harmonised.notes] == [
        ("not annotated", "a lesion may be part of liver: not annotated in this case")
    ]
    native[cube(7, 7, 7, side=3)] = 0
    native[cube(8, 8, 8, side=3)] = 14  # a voxel further away it is nobody's
    assert harmonise(native, AFFINE, FLARE, sought).truth.annotated == sought


def test_an_unknown_lesion_may_be_one_of_a_type_whose_organ_is_not_whole_or_not_known():
    native = np.where(cube(1, 1, 1), 3, np.where(cube(12, 1, 1), 14, 0))
    kidneys = {"right_kidney", "left_kidney"}
    assert harmonise(native, AFFINE, FLARE, {"kidney_tumour"}).truth.annotated == set()
    assert harmonise(native, AFFINE, FLARE, {"kidney_tumour", *kidneys}).truth.annotated == {"kidney_tumour", *kidneys}
    beside = {**FLARE, 5: means("left_kidney")}
    native[cube(8, 1, 1)] = 5
    harmonised = harmonise(native, AFFINE, beside, {"kidney_tumour", *kidneys})
    assert harmonised.truth.annotated == {"right_kidney"}


def test_a_label_or_an_unknown_lesion_takes_a_healthy_patient_back():
    drawn_one = np.where(cube(4, 4, 4), 2, np.where(cube(1, 1, 1, side=9), 1, 0)).astype(np.uint8)
    harmonised = harmonise(drawn_one, AFFINE, LITS, {"liver"}, healthy={"liver_tumour", "pancreas_tumour"})
    assert harmonised.truth.annotated == {"liver", "pancreas_tumour"}
    assert kinds(harmonised) == ["conflict"]
    assert "liver_tumour is labelled, though the recipe says" in harmonised.notes[0].text
    unknown = np.where(cube(4, 4, 4), 14, np.where(cube(1, 1, 1, side=9), 1, 0)).astype(np.uint8)
    harmonised = harmonise(unknown, AFFINE, FLARE, {"liver"}, healthy={"liver_tumour"})
    assert harmonised.truth.annotated == frozenset()
    # Far from the liver, which is whole: the unknown lesion is none of it.
    far = np.where(cube(14, 10, 6), 14, np.where(cube(1, 1, 1, side=9), 1, 0)).astype(np.uint8)
    assert harmonise(far, AFFINE, FLARE, {"liver"}, healthy={"liver_tumour"}).truth.annotated == {
        "liver",
        "liver_tumour",
    }
