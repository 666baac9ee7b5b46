"""What is not a CT in HU is refused, mended or told (37 to 44 of the catalogue of faults)."""

import warnings

import numpy as np
import pytest

from omentum.errors import CaseWarning, InputError
from omentum.io.sanity import check_ct
from omentum.volume import Volume

SHAPE = (20, 20, 10)


def like_a_ct(seed=0):
    """Air around a body of fat and soft tissue."""
    rng = np.random.default_rng(seed)
    hu = np.full(SHAPE, -1000.0)
    hu[3:17, 3:17] = rng.normal(40, 20, (14, 14, 10))
    hu[3:5, 3:17] = -100
    return np.rint(hu)


def volume(voxels, spacing=(1, 1, 2)):
    return Volume(voxels, np.diag([*spacing, 1.0]))


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_a_ct_passes_untouched(dtype):
    ct = volume(like_a_ct().astype(dtype))
    assert check_ct(ct) is ct


def test_37_nothing_finite_is_refused():
    with pytest.raises(InputError, match=r"scan\.nii: no voxel is a finite number"):
        check_ct(volume(np.full(SHAPE, np.nan)), source="scan.nii")


def test_38_some_not_finite_become_air():
    hu = like_a_ct()
    hu[0, 0, :3] = [np.nan, np.inf, -np.inf]
    with pytest.warns(CaseWarning, match="scan.nii: 3 voxels non-finite, treated as -1024"):
        mended = check_ct(volume(hu), source="scan.nii")
    assert (mended.voxels[0, 0, :3] == -1024).all()
    np.testing.assert_array_equal(mended.voxels[1:], hu[1:])


def test_39_absurd_values_are_clipped():
    hu = like_a_ct().astype(np.float32)
    hu[0, 0, 0] = 3e38
    with pytest.warns(CaseWarning, match="1 voxels beyond .*clipped"):
        mended = check_ct(volume(hu))
    assert mended.voxels[0, 0, 0] == 32767


def test_42_a_constant_is_told():
    with pytest.warns(CaseWarning, match="every voxel is 0; nothing will be found"):
        check_ct(volume(np.zeros(SHAPE, np.int16)))


def test_44_padding_below_air_is_fine():
    hu = like_a_ct()
    hu[0] = -3024
    check_ct(volume(hu))


NOT_HU = {
    "41 offset missing": ((like_a_ct() + 1024).astype(np.uint16), "minimum is 24, no air; HU offset missing"),
    "43 fractions": (np.random.default_rng(0).random(SHAPE), r"values lie in 0\.\.1"),
    "43 label map": (np.random.default_rng(0).integers(0, 5, SHAPE), "whole numbers 0 to 4: a label map"),
    "43 8-bit picture": (np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8), "an 8-bit picture"),
    "43 MRI": (np.random.default_rng(0).gamma(2, 150, SHAPE), "MRI or another modality"),
    "43 normalised": (np.random.default_rng(0).normal(0, 1, SHAPE), "MRI or another modality"),
}


@pytest.mark.parametrize("label", NOT_HU)
def test_what_is_not_hu_is_refused_unless_forced(label):
    voxels, words = NOT_HU[label]
    with pytest.raises(InputError, match=f"{words}.*--force"):
        check_ct(volume(voxels))
    with pytest.warns(CaseWarning, match=words):
        check_ct(volume(voxels), force=True)


def test_a_crop_within_the_body_is_still_a_ct():
    check_ct(volume(np.random.default_rng(0).normal(0, 60, SHAPE)))


@pytest.mark.parametrize("slices", [1, 2])
def test_31_few_slices_are_told(slices):
    with pytest.warns(CaseWarning, match=f"only {slices} slice"):
        check_ct(volume(like_a_ct()[:, :, :slices]))


def test_35_thick_slices_are_told():
    with pytest.warns(CaseWarning, match="slices are 10 mm apart; tumour detection is less reliable"):
        check_ct(volume(like_a_ct(), (1, 1, 10)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_ct(volume(like_a_ct(), (1, 1, 6)))
