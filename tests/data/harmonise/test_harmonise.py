"""Native values and masks in everybody's words: sets, sides, strays, conflicts, and what counts as annotated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sided_body import LEFT_KIDNEY, LEFT_LUNG, RIGHT_KIDNEY, RIGHT_LUNG, drawn, grid_around, hu_of

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import may_overlap
from omentum.data.datasets.recipe import Target
from omentum.data.harmonise.harmonise import harmonise, harmonise_masks
from omentum.errors import GeometryError, InputError

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
SHAPE = (20, 16, 12)
LITS = {1: Target(frozenset({"liver"})), 2: Target(frozenset({"liver", "liver_tumour"}))}
CT_ORG = {1: LITS[1], 3: Target(frozenset(), frozenset({"lungs"})), 4: Target(frozenset(), frozenset({"kidneys"}))}
GRID = grid_around()
HU = hu_of(GRID)


def means(*keys, pairs=()):
    return Target(frozenset(keys), frozenset(pairs))


def cube(*corner, side=4, shape=SHAPE):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(c, c + side) for c in corner)] = True
    return mask


def kinds(harmonised):
    return [note.kind for note in harmonised.notes]


def test_a_value_may_mean_several_structures():
    native = np.where(cube(4, 4, 4), 2, np.where(cube(1, 1, 1, side=9), 1, 0)).astype(np.uint8)
    harmonised = harmonise(native, AFFINE, LITS, {"liver", "liver_tumour"})
    truth = harmonised.truth
    assert truth.classes == STRUCTURES.keys
    assert truth.annotated == {"liver", "liver_tumour"}
    np.testing.assert_array_equal(truth.mask("liver"), native > 0)
    np.testing.assert_array_equal(truth.mask("liver_tumour"), native == 2)
    np.testing.assert_array_equal(truth.affine, AFFINE)
    assert harmonised.notes == ()


@given(arrays(np.int16, st.tuples(*[st.integers(1, 6)] * 3), elements=st.integers(-2, 6)), st.data())
def test_the_lookup_agrees_with_a_dictionary_voxel_by_voxel(native, data):
    keys = ["spleen", "liver", "liver_tumour", "pancreas", "pancreas_tumour"]
    sets = st.frozensets(st.sampled_from(keys), min_size=1)
    values = {v: Target(keys_) for v, keys_ in data.draw(st.dictionaries(st.integers(1, 5), sets)).items()}
    # Organs that exclude one another are another test's business.
    values = {v: t for v, t in values.items() if len(t.structures & {"spleen", "liver", "pancreas"}) < 2}
    annotated = data.draw(st.frozensets(st.sampled_from(keys)))
    stored = data.draw(st.sampled_from([np.int16, np.int32, np.float32, np.float64]))
    layout = data.draw(st.sampled_from("CF"))
    truth = harmonise(np.array(native, stored, order=layout), AFFINE, values, annotated).truth
    for key in keys:
        expected = np.zeros(native.shape, bool)
        for index in np.ndindex(*native.shape):
            target = values.get(int(native[index]))
            own = key in annotated and target is not None and key in target.structures
            host = {"liver": "liver_tumour", "pancreas": "pancreas_tumour"}.get(key)
            lives_in = target is not None and host in target.structures and {key, host} <= annotated
            expected[index] = own or lives_in
        np.testing.assert_array_equal(truth.mask(key), expected, err_msg=key)


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


def test_what_is_not_annotated_has_no_voxels():
    native = np.where(cube(4, 4, 4), 2, np.where(cube(1, 1, 1, side=9), 1, 0))
    truth = harmonise(native, AFFINE, LITS, {"liver"}).truth
    assert truth.present() == {"liver"}
    assert truth.annotated == {"liver"}


def test_annotated_if_present_means_what_it_says():
    values = {1: means("liver"), 2: means("gallbladder"), 3: means("spleen")}
    native = np.where(cube(1, 1, 1), 1, np.where(cube(9, 9, 5), 2, 0))
    truth = harmonise(
        native, AFFINE, values, {"liver", "gallbladder", "spleen"}, if_present={"gallbladder", "spleen"}
    ).truth
    assert truth.annotated == {"liver", "gallbladder"}


def test_float_labels_are_rounded_and_fractions_told():
    native = np.where(cube(1, 1, 1), 0.9999, 0).astype(np.float32)
    assert harmonise(native, AFFINE, LITS, {"liver"}).notes == ()
    native[5, 1, 1], native[5, 2, 1], native[0, 0, 0] = 0.6, 0.3, np.nan
    harmonised = harmonise(native, AFFINE, LITS, {"liver"})
    assert kinds(harmonised) == ["rounded", "rounded"]
    assert "1 voxels are no number" in harmonised.notes[0].text
    assert "2 voxels hold fractions (off by up to 0.4)" in harmonised.notes[1].text
    np.testing.assert_array_equal(harmonised.truth.mask("liver"), np.rint(np.nan_to_num(native)) == 1)


def test_strays_far_off_are_told_and_strays_inside_make_the_case_suspect():
    native = np.where(cube(1, 1, 1, side=9), 1, 0)
    native[15, 13, 2] = 7
    native[16, 3, 3] = -3
    native[17, 3, 3] = 5
    far = harmonise(native, AFFINE, LITS, {"liver"}, ignored=[5])
    assert kinds(far) == ["stray"]
    assert far.notes[0].text.endswith("-3 (1 voxels), 7 (1 voxels)")
    assert not far.notes[0].suspect
    native[cube(4, 4, 4)] = 9
    inside = harmonise(native, AFFINE, LITS, {"liver"}, ignored=[5])
    assert kinds(inside) == ["stray inside", "stray"]
    assert inside.notes[0].suspect
    assert "9 (64 voxels)" in inside.notes[0].text
    assert not inside.truth.mask("liver")[cube(4, 4, 4)].any()
    # Inside something nobody looked for it is no loss.
    assert kinds(harmonise(native, AFFINE, LITS, {"liver_tumour"}, ignored=[5])) == ["stray", "not annotated"]


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


FLARE = {1: means("liver"), 2: means("spleen"), 3: means("kidney_tumour"), 14: Target(frozenset(), unknown="a lesion")}


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


def test_a_healthy_patient_is_annotated_and_absent_whatever_the_labels_can_say():
    native = np.where(cube(4, 4, 4), 1, 0).astype(np.uint8)
    for harmonised in (
        harmonise(native, AFFINE, {1: LITS[1]}, {"liver"}, healthy={"liver_tumour"}, if_present={"liver"}),
        harmonise_masks([(LITS[1], native > 0)], SHAPE, AFFINE, {"liver"}, healthy={"liver_tumour"}),
    ):
        assert harmonised.truth.annotated == {"liver", "liver_tumour"}
        assert harmonised.truth.present() == {"liver"}
        assert harmonised.notes == ()


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


def test_a_ct_in_place_of_labels_is_refused():
    native = np.random.default_rng(0).integers(-1000, 2000, SHAPE)
    with pytest.raises(InputError, match=r"holds .* values that the recipe does not know"):
        harmonise(native, AFFINE, LITS, {"liver"})


def test_the_ct_must_have_the_shape_of_its_labels():
    with pytest.raises(GeometryError, match="the CT has shape"):
        harmonise(np.zeros(SHAPE, int), AFFINE, LITS, {"liver"}, hu=np.zeros((3, 3, 3)))


class TestMasks:
    """One mask a structure: they overlap, contradict one another, or come in parts."""

    def of(self, *masks, annotated, **options):
        shape = masks[0][1].shape
        return harmonise_masks(masks, shape, options.pop("affine", AFFINE), annotated, **options)

    def test_parts_add_up(self):
        lobe = cube(1, 1, 1) | cube(1, 1, 5)
        harmonised = self.of(
            (means("right_lung"), cube(1, 1, 1)), (means("right_lung"), cube(1, 1, 5)), annotated={"right_lung"}
        )
        np.testing.assert_array_equal(harmonised.truth.mask("right_lung"), lobe)
        assert harmonised.notes == ()

    def test_the_one_painted_last_keeps_what_two_organs_claim(self):
        liver, gallbladder = cube(1, 1, 1, side=8), cube(6, 6, 6)
        harmonised = self.of(
            (means("gallbladder"), gallbladder), (means("liver"), liver), annotated={"liver", "gallbladder"}
        )
        assert STRUCTURES["gallbladder"].paint_order > STRUCTURES["liver"].paint_order
        np.testing.assert_array_equal(harmonised.truth.mask("gallbladder"), gallbladder)
        np.testing.assert_array_equal(harmonised.truth.mask("liver"), liver & ~gallbladder)
        (note,) = harmonised.notes
        assert note.text == "27 voxels claimed by liver were left to gallbladder"

    def test_lesions_and_vessels_overlap_what_they_lie_in(self):
        liver = cube(1, 1, 1, side=8)
        tumour, vessel, portal = cube(2, 2, 2), cube(5, 5, 5), cube(5, 1, 1)
        harmonised = self.of(
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

    def test_a_lesion_left_out_of_its_organ_is_given_back(self):
        tumour = cube(4, 4, 4)
        liver = cube(1, 1, 1, side=8) & ~tumour
        masks = ((means("liver"), liver), (means("liver_tumour"), tumour))
        harmonised = self.of(*masks, annotated={"liver", "liver_tumour"})
        np.testing.assert_array_equal(harmonised.truth.mask("liver"), liver | tumour)
        assert harmonised.notes[0].text == "64 voxels of liver_tumour were not in liver; now they are"
        # A liver nobody looked for is not made up from its tumour.
        assert self.of(masks[1], annotated={"liver_tumour"}).truth.present() == {"liver_tumour"}

    def test_a_mask_of_both_kidneys_fills_in_what_the_sided_ones_leave_open(self):
        right, left = drawn(GRID, RIGHT_KIDNEY), drawn(GRID, LEFT_KIDNEY)
        harmonised = self.of(
            (means(pairs=["kidneys"]), right | left),
            (means("right_kidney"), right),
            annotated={"right_kidney", "left_kidney"},
            affine=GRID.affine,
            hu=HU,
        )
        np.testing.assert_array_equal(harmonised.truth.mask("right_kidney"), right)
        np.testing.assert_array_equal(harmonised.truth.mask("left_kidney"), left)

    def test_what_both_sides_claim_goes_by_position(self):
        right, left = drawn(GRID, RIGHT_KIDNEY), drawn(GRID, LEFT_KIDNEY)
        tip = right & drawn(GRID, ((60, -40, -110), (30, 30, 15)))
        assert tip.any()
        harmonised = self.of(
            (means("right_kidney"), right),
            (means("left_kidney"), left | tip),
            annotated={"kidneys"},
            affine=GRID.affine,
            hu=HU,
        )
        np.testing.assert_array_equal(harmonised.truth.mask("right_kidney"), right)
        np.testing.assert_array_equal(harmonised.truth.mask("left_kidney"), left)
        assert kinds(harmonised) == ["conflict"]

    def test_sides_the_wrong_way_round_are_told_and_left_alone(self):
        right, left = drawn(GRID, RIGHT_KIDNEY), drawn(GRID, LEFT_KIDNEY)
        harmonised = self.of(
            (means("right_kidney"), left),
            (means("left_kidney"), right),
            annotated={"kidneys"},
            affine=GRID.affine,
            hu=HU,
        )
        np.testing.assert_array_equal(harmonised.truth.mask("right_kidney"), left)
        assert kinds(harmonised) == ["swapped sides"]
        assert harmonised.notes[0].suspect

    def test_a_mask_of_another_shape_is_refused(self):
        with pytest.raises(GeometryError, match="a mask has shape"):
            self.of((means("liver"), cube(1, 1, 1)), (means("liver"), np.zeros((3, 3, 3), bool)), annotated={"liver"})


def test_overlap_is_mutual_and_only_for_lesions_guests_and_the_portal_vein():
    for one in STRUCTURES.keys:
        for other in STRUCTURES.keys:
            assert may_overlap(one, other) == may_overlap(other, one)
    assert may_overlap("kidney_cyst", "kidney_tumour")
    assert may_overlap("hepatic_vessel", "liver")
    assert may_overlap("portal_splenic_vein", "pancreas")
    assert not may_overlap("aorta", "oesophagus")
    assert not may_overlap("right_kidney", "left_kidney")
