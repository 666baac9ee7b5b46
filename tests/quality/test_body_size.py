"""A spacing that makes the body too small, too large or squeezed is flagged; that of real scans is not."""

from dataclasses import replace

import numpy as np
import pytest
from shared_data import shared
from strategies import STORAGE_ORDERS, in_storage_order

from omentum.io.nifti import read_volume
from omentum.quality.body_size import body_size, body_size_flags
from omentum.volume import Volume


def flags(ct):
    return [(flag.severity, flag.structure, flag.code) for flag in body_size_flags(body_size(ct, -300), ct.spacing_mm)]


def texts(ct):
    return " ".join(flag.text for flag in body_size_flags(body_size(ct, -300), ct.spacing_mm))


def trunk(spacing_mm, size_mm=(360, 240, 200)):
    """An elliptic trunk of tissue in air, upright."""
    shape = tuple(round(mm / step) for mm, step in zip((480, 360, size_mm[2]), (4, 4, 5), strict=True))
    x, y, _ = (np.indices(shape).T - (np.array(shape) - 1) / 2).T
    inside = (x * 4 / size_mm[0] * 2) ** 2 + (y * 4 / size_mm[1] * 2) ** 2 < 1
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = -100
    return Volume(np.where(inside, 40, -1000).astype(np.int16), affine)


@pytest.mark.parametrize(
    ("spacing_mm", "words"),
    [
        ((4, 4, 5), ""),
        ((1, 1, 1), "trunk would be 88 mm wide, plausible 140 to 650; the trunk would be 58 mm deep"),
        ((1, 4, 5), "88 mm wide"),
        ((4, 1, 5), "58 mm deep"),
        ((10, 10, 5), "880 mm wide"),
    ],
)
def test_the_size_of_the_trunk(spacing_mm, words):
    ct = trunk(spacing_mm)
    assert flags(ct) == ([("warning", "", "spacing")] if words else [])
    assert words in texts(ct)
    if words:
        assert f"stated spacing of {spacing_mm[0]} x {spacing_mm[1]} x {spacing_mm[2]} mm" in texts(ct)


@pytest.mark.parametrize(("axes", "signs"), STORAGE_ORDERS[::9])
def test_the_storage_order_changes_nothing(axes, signs):
    small = trunk((1, 4, 5))
    coarse = Volume(small.voxels[::3, ::3, ::10], small.affine @ np.diag([3.0, 3, 10, 1]))
    turned = Volume(*in_storage_order(coarse.voxels, coarse.affine, axes, signs))
    assert body_size(turned, -300) == body_size(coarse, -300)
    assert "mm wide" in texts(turned)


def test_what_the_scan_cuts_has_no_size():
    ct = trunk((1, 1, 1))
    cut = Volume(ct.voxels[30:-30, 20:-20], ct.affine)
    assert (body_size(cut, -300).width_mm, body_size(cut, -300).depth_mm) == (None, None)
    assert flags(Volume(np.full((9, 9, 9), -1000, np.int16), ct.affine)) == []


def test_an_identity_for_an_affine_is_named():
    assert "the affine is the identity" in texts(replace(trunk((1, 1, 1)), affine=np.eye(4)))


REAL = (
    "abdomen_3mm",
    "abdomen_pelvis_lowdose",
    "chest_plain",
    "chest_contrast",
    "upper_abdomen_partial_labels",
    "liver_contrast",
    "cort_liver_ct_unlabelled",
    "cip_ct64",
)


@pytest.mark.parametrize("name", REAL)
def test_real_scans_have_real_sizes_and_those_that_lost_a_spacing_have_not(name):
    ct = read_volume(shared("data", name, "ct.nii.gz"))
    assert flags(ct) == []
    for lost in ([0], [1], [2], [0, 1, 2]):
        scale = np.ones(4)
        scale[lost] = 1 / np.array(ct.spacing_mm)[lost]
        assert flags(replace(ct, affine=ct.affine @ np.diag(scale))) == [("warning", "", "spacing")], lost


def test_axes_askew_in_the_body_say_nothing_of_its_size():
    small = trunk((1, 1, 1))
    turn = np.eye(4)
    turn[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    assert flags(small) == [("warning", "", "spacing")]
    assert flags(Volume(small.voxels, turn @ small.affine)) == []
