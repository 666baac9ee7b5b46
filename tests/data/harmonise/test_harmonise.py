"""Native values and masks in our words: sets, conflicts, and what counts as annotated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from native_labels import AFFINE, LITS, SHAPE, cube, means

from omentum.anatomy import STRUCTURES
from omentum.data.datasets.recipe import Target
from omentum.data.harmonise.harmonise import harmonise, harmonise_masks
from omentum.errors import GeometryError


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


def test_a_healthy_patient_is_annotated_and_absent_whatever_the_labels_can_say():
    native = np.where(cube(4, 4, 4), 1, 0).astype(np.uint8)
    for harmonised in (
        harmonise(native, AFFINE, {1: LITS[1]}, {"liver"}, healthy={"liver_tumour"}, if_present={"liver"}),
        harmonise_masks([(LITS[1], native > 0)], SHAPE, AFFINE, {"liver"}, healthy={"liver_tumour"}),
    ):
        assert harmonised.truth.annotated == {"liver", "liver_tumour"}
        assert harmonised.truth.present() == {"liver"}
        assert harmonised.notes == ()


def test_the_ct_must_have_the_shape_of_its_labels():
    with pytest.raises(GeometryError, match="the CT has shape"):
        harmonise(np.zeros(SHAPE, int), AFFINE, LITS, {"liver"}, hu=np.zeros((3, 3, 3)))
