import numpy as np
import pytest
from scipy import ndimage
from slab_body import slabs

from omentum.errors import GeometryError, UsageError
from omentum.phantom import CaseOptions, ImplantSource, LesionOptions, implant, make_case
from omentum.phantom.lesions.kinds import KINDS
from omentum.volume import Volume

NAMES = {1: "liver", 2: "kidney_right", 3: "kidney_left", 4: "pancreas", 5: "lung_right", 6: "lung_left", 7: "aorta"}
OURS = {1: "liver", 2: "right_kidney", 3: "left_kidney", 4: "pancreas", 5: "right_lung", 6: "left_lung", 7: "aorta"}
LEVEL = {1: 105.0, 2: 150.0, 3: 150.0, 4: 90.0, 5: -860.0, 6: -860.0, 7: 155.0}
EVERYTHING = LesionOptions(odds=dict.fromkeys(KINDS, 1.0), look_alikes=0)


def scan_and_labels(affine=None, flip=False):
    """A noisy CT of boxes in fat."""
    body = slabs()
    labels = np.zeros(body.grid.shape, np.uint8)
    hu = np.full(body.grid.shape, -100.0)
    for value, key in OURS.items():
        labels[body.truth.mask(key)] = value
        hu[body.truth.mask(key)] = LEVEL[value]
    hu += np.random.default_rng(1).normal(0, 8, hu.shape)
    affine = body.grid.affine if affine is None else affine
    return Volume(hu.astype(np.float32), affine), Volume(labels, affine)


@pytest.fixture(scope="module")
def source():
    return ImplantSource.from_labels(*scan_and_labels(), NAMES)


@pytest.fixture(scope="module")
def case(source):
    return implant(source, np.random.default_rng(3), EVERYTHING, 15.0)


def test_the_phase_is_read_from_the_aorta(source):
    assert source.phase == "pv"


def test_only_what_is_labelled_is_annotated(source, case):
    known = case.truth.annotated
    assert {"liver", "liver_tumour", "hepatic_vessel_tumour", "kidney_cyst", "lung_tumour"} <= known
    assert not {"colon", "colon_tumour", "spleen"} & known
    assert {lesion["structure"] for lesion in case.facts["lesions"]} <= known


def test_the_ct_stays_as_it_is_away_from_lesions(source, case):
    lesion = np.any([case.truth.mask(key) for key in KINDS], axis=0)
    changed = np.abs(case.ct.voxels - np.rint(source.ct.voxels)) > 1
    assert changed[lesion].mean() > 0.8
    far = ~ndimage.binary_dilation(lesion, np.ones((3, 3, 3), bool), iterations=3)
    assert not changed[far].any()


def test_lesions_have_the_contrast_and_the_noise_of_the_host(source, case):
    for key, host in (("liver_tumour", "liver"), ("pancreas_tumour", "pancreas")):
        lesion = case.truth.mask(key)
        healthy = source.organs.mask(host) & ~lesion
        hu = case.ct.voxels.astype(float)
        assert abs(np.median(hu[lesion]) - np.median(hu[healthy])) > 8
        assert np.std(np.diff(hu, axis=0)[(lesion[1:] & lesion[:-1])]) > 0.5 * np.std(
            np.diff(hu, axis=0)[(healthy[1:] & healthy[:-1])]
        )
    assert np.median(case.ct.voxels[case.truth.mask("lung_tumour")]) > -300


def test_the_same_seed_gives_the_same_case(source, case):
    again = implant(source, np.random.default_rng(3), EVERYTHING, 15.0)
    assert np.array_equal(again.ct.voxels, case.ct.voxels)
    assert np.array_equal(again.truth.bits, case.truth.bits)


def test_a_flipped_scan_keeps_right_and_left():
    ct, labels = scan_and_labels()
    affine = ct.affine @ np.diag([-1.0, 1.0, 1.0, 1.0])
    affine[0, 3] = ct.affine[0, 0] * (ct.shape[0] - 1)
    flipped = ImplantSource.from_labels(Volume(ct.voxels[::-1], affine), Volume(labels.voxels[::-1], affine), NAMES)
    straight = ImplantSource.from_labels(ct, labels, NAMES)
    assert np.array_equal(flipped.ct.voxels, straight.ct.voxels)
    assert np.array_equal(flipped.organs.bits, straight.organs.bits)
    assert flipped.ct.grid.same_as(straight.ct.grid)


def test_no_lesions_no_change(source):
    case = make_case(0, (3, 3, 3), source, CaseOptions(lesions=None))
    assert np.array_equal(case.ct.voxels, np.rint(source.ct.voxels))


def test_impossible_inputs_are_refused():
    ct, labels = scan_and_labels()
    with pytest.raises(GeometryError, match="another grid"):
        ImplantSource.from_labels(ct, Volume(labels.voxels[1:], labels.affine), NAMES)
    with pytest.raises(UsageError, match="no organ"):
        ImplantSource.from_labels(ct, labels, {7: "aorta"})
    with pytest.raises(UsageError, match="none of the label names"):
        ImplantSource.from_labels(ct, labels, {1: "flux capacitor"})
