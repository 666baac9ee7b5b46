"""What is not a CT in HU is refused, mended or told (37 to 44 of the catalogue of faults)."""

import warnings

import numpy as np
import pytest
from shared_data import shared

from omentum.errors import CaseWarning, InputError
from omentum.io.nifti import read_volume
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


def test_42_a_constant_is_refused_whatever_else_is_not_finite():
    for value in (0, 40, 7.5):
        constant = np.full(SHAPE, value, np.float32)
        constant[0, 0, :3] = [np.nan, np.inf, -np.inf]
        for voxels in (np.full(SHAPE, value), constant):
            with pytest.raises(InputError, match=f"every voxel is {value}: there is no image in it"):
                check_ct(volume(voxels), force=True)


def test_44_padding_below_air_is_fine():
    hu = like_a_ct()
    hu[0] = -3024
    check_ct(volume(hu))


NOT_HU = {
    "41 offset missing": ((like_a_ct() + 1024).astype(np.uint16), r"HU offset missing\? fat and soft.* near 10"),
    "43 fractions": (np.random.default_rng(0).random(SHAPE), r"values lie in 0\.\.1"),
    "43 label map": (np.random.default_rng(0).integers(0, 5, SHAPE), "values 0 to 4, few different.* a label map"),
    "43 8-bit picture": (np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8), "an 8-bit picture"),
    "43 MRI": (np.random.default_rng(0).gamma(2, 150, SHAPE), "MRI or another modality"),
    "43 normalised": (np.random.default_rng(0).normal(0, 1, SHAPE), "no image, or not in HU"),
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


def test_a_scan_of_air_is_no_mistake_but_told():
    for noise in (0, 5):
        air = np.rint(np.random.default_rng(0).normal(-1000, noise, SHAPE))
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            np.testing.assert_array_equal(check_ct(volume(air)).voxels, air)
        assert [str(w.message) for w in told] == ([] if noise else ["every voxel is -1000, air; nothing will be found"])


def regions(labels, shape=(40, 40, 40)):
    """A label map: each label a slab with a corner of background."""
    numbers = np.zeros(shape, np.int16)
    for n, label in enumerate(labels):
        width = max(1, shape[0] // len(labels))
        numbers[n * width : (n + 1) * width, 5:, 5:] = label
    return numbers


def body_hu(shape=(48, 48, 40), seed=0):
    """Air with a little noise, fat, tissue and some bone."""
    rng = np.random.default_rng(seed)
    hu = np.full(shape, -1000.0)
    hu[8:-8, 8:-8] = -100
    hu[12:-12, 12:-12] = 40
    hu[20:24, 20:24] = 700
    return np.rint(hu + rng.normal(0, 12, shape)).astype(np.int16)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.uint8])
@pytest.mark.parametrize("labels", [(1, 2, 3), tuple(range(1, 21)), tuple(range(2, 62, 3))], ids=len)
@pytest.mark.parametrize("ignore", [None, -1, -1024, np.nan])
def test_a_label_map_is_refused_whatever_its_sign_and_dtype(labels, dtype, ignore):
    numbers = regions(labels).astype(dtype)
    if ignore is not None:
        if dtype == np.uint8 or (np.isnan(ignore) and dtype != np.float32):
            pytest.skip("cannot be stored so")
        numbers[:, :5] = ignore
    with pytest.raises(InputError, match=r"a label map, not HU .if it is a CT in HU all the same, pass --force"):
        check_ct(volume(numbers))


def test_a_label_map_that_was_interpolated_is_still_one():
    from scipy.ndimage import zoom

    with pytest.raises(InputError, match="a label map"):
        check_ct(volume(zoom(regions((1, 2, 3, 4)).astype(np.float32), 1.7, order=1)))


def test_pieces_without_noise_may_be_a_ct():
    hu = np.full((30, 30, 30), -1000, np.int16)
    hu[5:25, 5:25, 5:25] = 40
    hu[10:20, 10:20] = 60
    check_ct(volume(hu))


@pytest.mark.parametrize("offset", [1000, 1024])
@pytest.mark.parametrize("padding", [None, 0, -2000, -1000])
def test_a_missing_offset_shows_whatever_the_lowest_voxel_is(offset, padding):
    shifted = body_hu().astype(np.int32) + offset
    shifted[0, 0, 0] = -24
    if padding is not None:
        shifted[:6] = padding
    with pytest.raises(InputError, match=r"HU offset missing\? fat and soft tissue lie near 10[2-7]\d"):
        check_ct(volume(shifted))


def test_an_offset_subtracted_twice_shows_too():
    with pytest.raises(InputError, match="HU offset subtracted twice"):
        check_ct(volume(body_hu().astype(np.int32) - 1024))


@pytest.mark.parametrize("padding", [-1024, -2000])
def test_a_picture_that_was_padded_is_a_picture(padding):
    hu = like_a_ct()
    picture = np.rint((hu.clip(-175, 250) + 175) / 425 * 255)
    picture[5, 5] = 255
    picture[:2] = padding
    with pytest.raises(InputError, match=f"all but {padding} are whole numbers up to 255: a padded 8-bit picture"):
        check_ct(volume(picture.astype(np.int16)))


def test_one_label_beside_a_number_for_ignored_is_a_label_map():
    label = np.where(like_a_ct() > 0, 1, -1024)
    with pytest.raises(InputError, match="a label map"):
        check_ct(volume(label))


@pytest.mark.parametrize(("scale", "offset", "told"), [(1, 500, "lies near 5"), (20, 0, "near"), (1, -500, "near -4")])
def test_tissue_at_another_place_is_told(scale, offset, told):
    with pytest.warns(CaseWarning, match=rf"{told}.*; check that it is in HU"):
        check_ct(volume(like_a_ct() * scale + offset))


@pytest.mark.parametrize("noise", [0.5, 3, 20])
def test_nothing_but_noise_is_refused(noise):
    voxels = np.random.default_rng(0).normal(0, noise, (64, 64, 48))
    voxels[5, 5, 5] = 900
    with pytest.raises(InputError, match=r"no image, or not in HU|nothing of a body in the image"):
        check_ct(volume(voxels))


@pytest.mark.parametrize("shape", [(8, 8, 8), (16, 16, 12)])
def test_a_small_piece_of_a_ct_is_taken_with_a_word(shape):
    piece = np.rint(np.random.default_rng(0).normal(55, 14, shape)).clip(13, 94).astype(np.int16)
    with pytest.warns(CaseWarning, match="neither air nor fat; taken for a piece of a CT in HU"):
        assert check_ct(volume(piece)).voxels is piece


@pytest.mark.parametrize("padding", [62512.0, 40000.0])
def test_one_number_far_above_all_hu_is_padding(padding):
    hu = body_hu().astype(np.float32)
    hu[:4] = padding
    with pytest.warns(CaseWarning, match=rf"most of them {padding:g}: padding, treated as -1024"):
        mended = check_ct(volume(hu))
    assert (mended.voxels[:4] == -1024).all()
    np.testing.assert_array_equal(mended.voxels[4:], hu[4:])


def test_real_cts_and_pieces_of_them_pass_and_their_label_maps_do_not():
    for name in ("abdomen_3mm", "cip_ct64", "liver_contrast", "chest_plain"):
        ct = read_volume(shared("data", name, "ct.nii.gz"))
        check_ct(ct)
        for offset in (1000, 1024):
            with pytest.raises(InputError, match="HU offset missing"):
                check_ct(volume(ct.voxels.clip(-1024) + offset))
        middle = tuple(n // 2 for n in ct.shape)
        for size in (24, 12):
            piece = ct.voxels[tuple(slice(m - size // 2, m + size // 2) for m in middle)]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CaseWarning)
                check_ct(volume(piece))
    for name in ("abdomen_3mm/totalsegmentator_labels", "cip_ct64/labels"):
        with pytest.raises(InputError, match="a label map"):
            check_ct(read_volume(shared("data", f"{name}.nii.gz")))
