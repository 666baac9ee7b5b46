"""Headers of slices that are odd: positions, directions and thickness are rounded or wrong, identifiers are shared."""

import warnings

import numpy as np
import pydicom
import pytest
from dicom_files import save, write_stack

from omentum.errors import CaseWarning, GeometryError
from omentum.io.dicom.series import read_series


def restacked(folder, hu, along_mm):
    for path, at in zip(write_stack(folder, hu), along_mm, strict=True):
        header = pydicom.dcmread(path)
        header.ImagePositionPatient = [-10, -20, float(at)]
        save(header, path)


@pytest.mark.parametrize("step_mm", [0.625, 1.25, 3.0])
@pytest.mark.parametrize("decimals", [1, 2])
def test_rounded_positions_are_even(tmp_path, step_mm, decimals):
    hu = np.zeros((3, 3, 40), np.int16)
    even = np.arange(40) * step_mm
    restacked(tmp_path, hu, np.round(even, decimals))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        volume = read_series(tmp_path)
    assert all("slice positions are rounded" in str(w.message) for w in told)
    assert bool(told) == bool(np.abs(np.diff(np.round(even, decimals)) - step_mm).max() > 0.011 * step_mm)
    assert volume.spacing_mm[2] == pytest.approx(step_mm, rel=0.005)


@pytest.mark.parametrize(
    "along_mm",
    [
        np.round(np.arange(40) * 1.25),
        np.cumsum(np.r_[0, np.full(20, 1.0), np.full(19, 1.1)]),
        np.delete(np.round(np.arange(41) * 1.25, 1), 30),
        np.delete(np.round(np.arange(41) * 1.25, 1), 39),
    ],
    ids=["rounded to 1 mm", "drift", "a gap", "a gap near the end"],
)
def test_what_is_more_than_rounding_is_refused(tmp_path, along_mm):
    restacked(tmp_path, np.zeros((3, 3, 40), np.int16), along_mm)
    with pytest.raises(GeometryError, match=r"unevenly spaced|missing: 1 between"):
        read_series(tmp_path)


def test_rows_and_columns_are_at_right_angles(tmp_path, hu):
    angle = np.radians(83)
    directions = [1, 0, 0, f"{np.cos(angle):.6f}", f"{np.sin(angle):.6f}", 0]
    write_stack(tmp_path, hu, ImageOrientationPatient=directions)
    with pytest.raises(GeometryError, match="no right angle"):
        read_series(tmp_path)


@pytest.mark.parametrize("thickness", ["-5", "0", None])
def test_a_single_slice_is_never_mirrored(tmp_path, hu, thickness):
    write_stack(tmp_path, hu[:, :, :1], SliceThickness=thickness)
    with pytest.raises(GeometryError, match="states no thickness above 0 mm"):
        read_series(tmp_path)


def test_frames_of_reference_that_differ_are_told(tmp_path, hu):
    for path in write_stack(tmp_path, hu, FrameOfReferenceUID="1.2.3")[::2]:
        header = pydicom.dcmread(path)
        header.FrameOfReferenceUID = "1.2.4"
        header.save_as(path)
    with pytest.warns(CaseWarning, match="state 2 frames of reference"):
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"SOPInstanceUID": "1.2.3.4"}, r"its 5 slices share 1 SOP instance UID\(s\); told apart by position"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "MONOCHROME1.; HU are taken as stored, not inverted"),
    ],
)
def test_what_changes_no_voxel_is_told_once(tmp_path, hu, tags, message):
    write_stack(tmp_path, hu, **tags)
    with pytest.warns(CaseWarning, match=message) as told:
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)
    assert len(told) == 1
