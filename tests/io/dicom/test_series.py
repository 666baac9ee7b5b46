"""DICOM series: sorted by position, placed in the patient, and every oddity answered in one line."""

import shutil
import warnings

import numpy as np
import pydicom
import pytest
from dicom_files import AXIAL, CORONAL, SAGITTAL, hu_of, save, slice_of, stack_affine, write_stack
from pydicom.uid import MRImageStorage, SecondaryCaptureImageStorage, generate_uid
from shared_data import shared

from omentum.errors import CaseWarning, GeometryError, InputError
from omentum.io.dicom.series import read_mask_series, read_series
from omentum.io.nifti import read_volume


def test_a_series_is_sorted_by_position_and_placed_in_the_patient(tmp_path, hu):
    write_stack(tmp_path, hu)
    volume = read_series(tmp_path)
    assert volume.voxels.dtype == np.int16
    np.testing.assert_array_equal(volume.voxels, hu)
    np.testing.assert_allclose(volume.affine, stack_affine())
    assert volume.orientation == "LPS"


def test_what_else_lies_beside_a_series_is_passed_over(tmp_path, hu):
    write_stack(tmp_path / "deep" / "er", hu, name="IMG-{n}.dcm")
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / "._IMG-0.dcm").write_bytes(b"\0")
    (tmp_path / "DICOMDIR").write_bytes(b"\0")
    picture = slice_of(np.zeros((3, 3)), (0, 0, 0), 1, generate_uid(), SOPClassUID=SecondaryCaptureImageStorage)
    save(picture, tmp_path / "shot")
    scout = slice_of(np.zeros((9, 3)), (0, 0, 0), 1, generate_uid(), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    save(scout, tmp_path / "scout")
    np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


@pytest.mark.parametrize("directions", [AXIAL, CORONAL, SAGITTAL, (-1, 0, 0, 0, -1, 0)])
def test_any_orientation_keeps_every_voxel_where_it_is(tmp_path, hu, directions):
    row, column = np.array(directions[:3]), np.array(directions[3:])
    normal = np.cross(row, column)
    series = generate_uid()
    for k in range(5):
        pixels = hu[:, :, k].T.astype(int) + 1024
        where = tuple(np.array([5.0, -7.0, 30.0]) + 2.0 * k * normal)
        save(slice_of(pixels, where, k, series, ImageOrientationPatient=list(directions)), tmp_path / f"{(k * 3) % 5}")
    volume = read_series(tmp_path)
    np.testing.assert_array_equal(volume.voxels, hu)
    lps = np.array([5.0, -7.0, 30.0]) + 3 * 0.7 * row + 2 * 0.8 * column + 4 * 2.0 * normal
    np.testing.assert_allclose(volume.grid.to_world([3, 2, 4]), lps * [-1, -1, 1], atol=1e-9)


def test_slope_and_intercept_count_slice_by_slice(tmp_path):
    stored = np.arange(6).reshape(2, 3)
    series = generate_uid()
    for k, (slope, intercept) in enumerate([(1, -1000), (0.5, 10), (2, -3)]):
        header = slice_of(stored, (0, 0, 2.0 * k), k, series, RescaleSlope=slope, RescaleIntercept=intercept)
        save(header, tmp_path / str(k))
    voxels = read_series(tmp_path).voxels
    assert voxels.dtype == np.float32
    for k, (slope, intercept) in enumerate([(1, -1000), (0.5, 10), (2, -3)]):
        np.testing.assert_allclose(voxels[:, :, k], (stored * slope + intercept).T)


def test_bits_beyond_the_stored_ones_do_not_count(tmp_path):
    stored = np.array([[5, 4095], [0, 7]])
    dirty = stored | 0x3000
    header = slice_of(dirty, (0, 0, 0), 1, generate_uid(), BitsStored=12, HighBit=11, PixelRepresentation=0)
    np.testing.assert_array_equal(hu_of(save(header, tmp_path / "x")), stored.T - 1024)


def test_copies_of_a_slice_are_left_out(tmp_path, hu):
    paths = write_stack(tmp_path, hu)
    shutil.copy(paths[2], tmp_path / "copy")
    with pytest.warns(CaseWarning, match="1 copies of slices left out"):
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


def test_an_image_with_another_rescale_is_no_copy(tmp_path, hu):
    paths = write_stack(tmp_path, hu)
    again = pydicom.dcmread(paths[2])
    again.RescaleIntercept = 0
    save(again, tmp_path / "copy")
    with pytest.raises(InputError, match="different images at one position"):
        read_series(tmp_path)


def test_a_dicomdir_is_named(tmp_path):
    header = slice_of(np.zeros((2, 2)), (0, 0, 0), 1, "1.2.3", SOPClassUID="1.2.840.10008.1.3.10")
    with pytest.raises(InputError, match=r"is a DICOMDIR, not a CT.*give its folder"):
        read_series(save(header, tmp_path / "DICOMDIR"))


def test_several_series_are_listed_and_refused(tmp_path, hu):
    write_stack(tmp_path / "a", hu)
    write_stack(tmp_path / "b", hu[:, :, :3], SeriesNumber=7)
    with pytest.raises(
        InputError, match=r"2 series: series 3 \[\w{8}\] \(5 images, 0.7 x 0.8 x 2.5 mm\), series 7 .*--series CODE"
    ):
        read_series(tmp_path)


def test_two_phases_in_one_series_are_refused(tmp_path, hu):
    write_stack(tmp_path / "a", hu, SeriesInstanceUID="1.2.3")
    write_stack(tmp_path / "b", hu + 1, SeriesInstanceUID="1.2.3")
    with pytest.raises(InputError, match="two different images at one position, a/image_4 and b/image_4"):
        read_series(tmp_path)


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ([2], r"1 slice\(s\) missing: 1 between 102.5 and 107.5 mm"),
        ([2, 3], r"2 slice\(s\) missing: 2 between 102.5 and 110.0 mm"),
        ([0, 6], None),
    ],
)
def test_a_gap_is_refused_and_a_shorter_scan_is_not(tmp_path, gone, message):
    hu = np.zeros((4, 4, 7), np.int16)
    paths = write_stack(tmp_path, hu)
    for k in gone:
        paths[k].unlink()
    if message is None:
        assert read_series(tmp_path).shape == (4, 4, 5)
    else:
        with pytest.raises(GeometryError, match=message):
            read_series(tmp_path)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"ImagePositionPatient": None}, "states no position"),
        ({"ImageOrientationPatient": None}, "states no orientation"),
        ({"PixelSpacing": None}, "states no pixel spacing"),
        ({"PixelSpacing": [0, 0.7]}, "impossible pixel spacing"),
        ({"ImageOrientationPatient": list(CORONAL)}, "turned against the other slices"),
        ({"PixelSpacing": [0.9, 0.7]}, "another pixel spacing"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "turned against"),
        ({"Columns": 6, "Rows": 7}, "is 6 x 7 pixels, others of its series 7 x 6"),
        ({"Modality": "MR", "SOPClassUID": MRImageStorage}, "is an image of modality MR, expected CT"),
        ({"Rows": 65535}, "no CT is so large"),
        ({"SamplesPerPixel": 3}, "is a colour image"),
        ({"NumberOfFrames": 4}, "is an image of 4 frames, but states for 0 of them where they are"),
        ({"PixelData": None}, "image is missing or damaged"),
        ({"PixelData": b"\0" * 20}, "image is missing or damaged"),
        ({"RescaleSlope": 0}, "rescale slope 0 and intercept -1024 are impossible"),
    ],
)
def test_one_bad_slice_names_its_file(tmp_path, hu, tags, message):
    paths = write_stack(tmp_path, hu, SeriesInstanceUID="1.2.3")
    save(slice_of(hu[:, :, 3].T.astype(int) + 1024, (-10, -20, 107.5), 2, "1.2.3", **tags), paths[3])
    with pytest.raises((InputError, GeometryError), match=message) as caught:
        read_series(tmp_path)
    # Between two sizes, orientations or spacings nobody can say which is the wrong one: the first is the measure.
    assert str(caught.value.source).startswith(str(tmp_path / "image_"))


def test_a_zeroed_or_cut_file_is_no_gap(tmp_path, hu):
    paths = write_stack(tmp_path, hu)
    whole = paths[1].read_bytes()
    paths[1].write_bytes(bytes(len(whole)))
    with pytest.raises(InputError, match=r"image_3: is empty or all zeros"):
        read_series(tmp_path)
    paths[1].write_bytes(whole[:-30])
    with pytest.raises(InputError, match=r"image_3: its image is missing or damaged"):
        read_series(tmp_path)


def test_nothing_to_read(tmp_path):
    with pytest.raises(InputError, match="no DICOM images found"):
        read_series(tmp_path)
    with pytest.raises(InputError, match="nowhere: does not exist"):
        read_series(tmp_path / "nowhere")


def test_masks_are_their_stored_numbers_whatever_the_rescale_says(tmp_path, hu):
    mask = hu > 0
    write_stack(tmp_path, np.where(mask, 255, 0) - 1024)
    volume = read_mask_series(tmp_path, read_series(tmp_path))
    np.testing.assert_array_equal(volume.voxels, mask)
    np.testing.assert_allclose(volume.affine, stack_affine())


def test_masks_without_positions_follow_the_instance_numbers_of_the_ct(tmp_path, hu):
    write_stack(tmp_path / "ct", hu)
    ct = read_series(tmp_path / "ct")
    write_stack(tmp_path / "mask", np.where(hu > 0, 255, 0) - 1024, ImagePositionPatient=None)
    with pytest.warns(CaseWarning, match="matched to the CT's by instance number"):
        np.testing.assert_array_equal(read_mask_series(tmp_path / "mask", ct).voxels, hu > 0)
    (tmp_path / "mask" / "image_0").unlink()
    with pytest.raises(GeometryError, match="its instance numbers are not those of the CT"):
        read_mask_series(tmp_path / "mask", ct)


def test_a_real_series_lies_where_its_labels_are():
    ct = read_series(shared("data", "abdomen_dicom", "series"))
    labels = read_volume(shared("data", "abdomen_dicom", "totalsegmentator_labels.nii.gz"))
    assert ct.shape == (512, 512, 20)
    np.testing.assert_allclose(ct.spacing_mm, labels.spacing_mm)
    np.testing.assert_allclose(ct.grid.to_world([0, 511, 0]), labels.affine[:3, 3], atol=1e-3)
    liver = ct.voxels[labels.voxels[:, ::-1] == 5]
    assert 80 < liver.mean() < 100
    assert liver.std() < 35


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("gantrytilting", "its gantry is tilted by 14.0 degrees"),
        ("notavolume", r"different images at one position: series 4, acquisition 14 \[\w+\] \(1 image"),
        ("sliceincrement/001", r"1 slice\(s\) missing: 1 between 28.1 and 38.1 mm"),
        ("sliceincrement/002", r"1 slice\(s\) missing"),
    ],
)
def test_real_oddities_are_refused(folder, message):
    with pytest.raises((InputError, GeometryError), match=message):
        read_series(shared("data", "dicom_odd", folder))


def test_every_lossless_transfer_syntax_gives_the_same_pixels():
    folder = shared("data", "dicom_syntaxes")
    expected = hu_of(folder / "CTImage.dcm")
    lossless = [p for p in folder.glob("CTImage.dcm_*") if "Lossless" in p.name or "Endian" in p.name]
    lossless += list(folder.glob("*Process14*"))
    assert len(lossless) == 9
    for path in lossless:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(hu_of(path), expected, err_msg=path.name)


@pytest.mark.parametrize("name", ["JPEG2000Transfer", "JPEGLSLossy", "Process2_4"])
def test_lossy_transfer_syntaxes_give_nearly_the_same_pixels(name):
    folder = shared("data", "dicom_syntaxes")
    found, expected = (hu_of(path) for path in (next(folder.glob(f"*{name}*")), folder / "CTImage.dcm"))
    inside = expected > -1024  # what lies outside the field of view is not compressed by all
    assert np.abs(found[inside].astype(float) - expected[inside]).mean() < 5


def test_segmentation_objects_beside_a_real_series_are_passed_over():
    assert read_series(shared("data", "dicom_seg")).shape == (512, 512, 3)


def test_the_frame_of_reference_is_told_by_a_hash(tmp_path, hu):
    def frame(name, **tags):
        write_stack(tmp_path / name, hu, **tags)
        return read_series(tmp_path / name).header["dicom"].frame

    one, other = frame("a", FrameOfReferenceUID="1.2.3.4"), frame("b", FrameOfReferenceUID="1.2.3.5")
    assert one == frame("c", FrameOfReferenceUID="1.2.3.4") != other
    assert "1.2.3" not in one
    assert frame("d") is None
    for path in sorted((tmp_path / "b").iterdir())[:1]:
        header = pydicom.dcmread(path)
        header.FrameOfReferenceUID = "1.2.3.9"
        header.save_as(path)
    with pytest.warns(CaseWarning, match="2 frames of reference; taken as one"):
        assert read_series(tmp_path / "b").header["dicom"].frame is None
