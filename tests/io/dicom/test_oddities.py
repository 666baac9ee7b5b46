"""What lies beside a series, what is wrong with its files, and what a broken compressed image does: all told."""

import itertools
import sys
import warnings

import numpy as np
import pydicom
import pytest
from dicom_files import hu_of, save, slice_of, stack_affine, write_stack
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    PositronEmissionTomographyImageStorage,
)
from shared_data import shared

from omentum.errors import CaseWarning, GeometryError, InputError
from omentum.io.dicom import decoder as dicom_decoder
from omentum.io.dicom.open import looks_like_dicom
from omentum.io.dicom.pixels import PixelReader
from omentum.io.dicom.series import read_series


@pytest.fixture
def hu():
    return np.random.default_rng(0).integers(-1000, 1500, (7, 6, 5)).astype(np.int16)


def stripped(path, cut, meta, syntax):
    """The slice written anew without its preamble, and perhaps without the group that names its transfer syntax."""
    header = pydicom.dcmread(path)
    pixels = header.pixel_array
    header.file_meta.TransferSyntaxUID = syntax
    header.PixelData = pixels.astype(">i2" if syntax == ExplicitVRBigEndian else "<i2").tobytes()
    header["PixelData"].VR = "OW"
    if not meta:
        del header.file_meta
        header.preamble = None
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    how = {"implicit_vr": implicit, "little_endian": little, "force_encoding": True}
    pydicom.dcmwrite(path, header, **how)
    whole = path.read_bytes()
    assert whole[128:].startswith(b"DICM") == meta
    path.write_bytes(whole[cut:] if meta else whole)


@pytest.mark.parametrize("meta", [True, False], ids=["meta", "bare"])
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian], ids=lambda s: s.name[:20]
)
@pytest.mark.parametrize("cut", [128, 132])
def test_slices_without_the_preamble_are_read(tmp_path, hu, meta, syntax, cut):
    for path in write_stack(tmp_path, hu)[::2]:
        stripped(path, cut, meta, syntax)
    volume = read_series(tmp_path)
    np.testing.assert_array_equal(volume.voxels, hu)
    np.testing.assert_allclose(volume.affine, stack_affine())


@pytest.mark.parametrize(
    "head", [b"", b"hello, this is text", b"\x89PNG\r\n\x1a\n" + bytes(40), bytes(200), b"\x08\x00" + b"\xff" * 40]
)
def test_what_does_not_begin_like_a_data_set_is_none(head):
    assert not looks_like_dicom(head)


@pytest.mark.parametrize("name", ["_SUCCESS", ".done.x", "marker.txt"])
@pytest.mark.parametrize("content", [b"", bytes(3000)], ids=["empty", "zeros"])
def test_an_empty_file_beside_a_series_is_left_out_with_a_word(tmp_path, hu, name, content):
    write_stack(tmp_path, hu)
    name = name.lstrip(".")
    (tmp_path / name).write_bytes(content)
    with pytest.warns(CaseWarning, match=rf"not part of the CT series and left out: 1 x empty file .e\.g\. {name}"):
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


def test_an_empty_file_that_is_called_like_the_slices_was_one(tmp_path, hu):
    write_stack(tmp_path, hu, name="IM{n:04d}.dcm")
    (tmp_path / "IM0005.dcm").write_bytes(b"")
    with pytest.raises(InputError, match=r"IM0005\.dcm: is empty or all zeros"):
        read_series(tmp_path)


@pytest.mark.parametrize("name", ["IM{n:04d}.dcm", "I{n:07d}"])
def test_a_file_of_anything_that_is_called_like_the_slices_was_one(tmp_path, hu, name):
    write_stack(tmp_path, hu, name=name)
    for beside in ("notes.txt", "README", "preview.png"):
        (tmp_path / beside).write_bytes(b"no image")
    np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)
    last = sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("I"))[-1]
    (tmp_path / last).write_bytes(bytes(range(1, 256)) * 40)
    with pytest.raises(InputError, match=f"{last}: is no DICOM file"):
        read_series(tmp_path)


def test_nothing_but_an_empty_file_is_named(tmp_path):
    (tmp_path / "IM0005.dcm").write_bytes(b"")
    with pytest.raises(InputError, match=r"IM0005\.dcm: is empty or all zeros"):
        read_series(tmp_path)


OTHERS = {
    "PET": {"Modality": "PT", "SOPClassUID": PositronEmissionTomographyImageStorage},
    "colour sheet": {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "ImagePositionPatient": None},
    "frames": {"NumberOfFrames": 4},
    "no image": {"Rows": 0},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_images_beside_a_series_are_left_out_with_a_word(tmp_path, hu, kind):
    write_stack(tmp_path / "ct", hu)
    write_stack(tmp_path / "other", hu + 1, **OTHERS[kind])
    with pytest.warns(CaseWarning, match=r"left out: 5 x .*e\.g\. other/image_"):
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


def test_a_colour_sheet_that_claims_to_be_of_the_series_has_no_place_in_it(tmp_path, hu):
    write_stack(tmp_path, hu, SeriesInstanceUID="1.2.3")
    sheet = slice_of(hu[:, :, 0].T, (0, 0, 0), 9, "1.2.3", SamplesPerPixel=3, ImagePositionPatient=None)
    save(sheet, tmp_path / "sheet")
    with pytest.warns(CaseWarning, match="1 x colour image .e.g. sheet"):
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


@pytest.mark.parametrize(
    "tags", [{"ImagePositionPatient": None}, {"ImagePositionPatient": [0, 0, 5]}], ids=["grey sheet", "one place"]
)
def test_a_series_that_is_no_volume_does_not_compete_with_one_that_is(tmp_path, hu, tags):
    write_stack(tmp_path / "ct", hu)
    write_stack(tmp_path / "other", hu, **tags)
    with pytest.warns(CaseWarning, match="5 x image of another series"):
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


def test_a_localizer_within_the_series_is_told(tmp_path, hu):
    write_stack(tmp_path, hu, SeriesInstanceUID="1.2.3")
    scout = slice_of(np.zeros((9, 3)), (0, 0, 0), 1, "1.2.3", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    save(scout, tmp_path / "scout")
    with pytest.warns(CaseWarning, match="1 x localizer .e.g. scout"):
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


PADDINGS = {
    "unsigned -2000": (63536, 0, "US", None),
    "as signed": (63536, 1, "US", None),
    "signed -2000": (-2000, 1, "SS", None),
    "lowest": (-32768, 1, "SS", None),
    "a range": (60000, 0, "US", 65535),
}


@pytest.mark.parametrize("label", PADDINGS)
def test_padding_is_air(tmp_path, label):
    value, signed, kind, limit = PADDINGS[label]
    stored = np.arange(30).reshape(5, 6) * 40
    stored[0] = (63536 if limit else value) if not signed or value < 0 else value - 65536
    header = slice_of(stored, (0, 0, 0), 1, "1.2.3", PixelRepresentation=signed)
    header.PixelData = stored.astype("<u2" if not signed else "<i2").tobytes()
    header.add_new(0x00280120, kind, value)
    if limit:
        header.add_new(0x00280121, kind, limit)
    found = hu_of(save(header, tmp_path / "slice"))
    assert found.dtype == np.int16
    expected = stored.T - 1024
    expected[:, 0] = -1024
    np.testing.assert_array_equal(found, expected)


def test_what_is_called_padding_and_may_be_tissue_is_left_alone(tmp_path):
    stored = np.array([[0, 40, 0], [-1000, 0, 5]])
    header = slice_of(stored, (0, 0, 0), 1, "1.2.3", RescaleIntercept=0)
    header.add_new(0x00280120, "SS", 0)
    np.testing.assert_array_equal(hu_of(save(header, tmp_path / "slice")), stored.T)


def compressed(name):
    return next(shared("data", "dicom_syntaxes").glob(f"CTImage.dcm_{name}*"))


@pytest.mark.parametrize("name", ["JPEG2000LosslessOnly", "JPEG2000Transfer", "JPEGLSLossless", "JPEGProcess14SV1"])
def test_a_broken_compressed_image_names_its_file(tmp_path, name):
    header = pydicom.dcmread(compressed(name))
    frame = bytearray(next(generate_frames(header.PixelData, number_of_frames=1)))
    frame[120:] = np.random.default_rng(0).integers(0, 256, len(frame) - 120, dtype=np.uint8).tobytes()
    header.PixelData = encapsulate([bytes(frame)])
    header.save_as(tmp_path / "broken")
    with pytest.raises(InputError, match=r"broken: its image .*(cannot be decoded|damaged)"):
        hu_of(tmp_path / "broken")


def test_a_decoder_that_dies_takes_nothing_with_it(monkeypatch):
    path = compressed("JPEG2000LosslessOnly")
    crash = [sys.executable, "-c", "import os, sys; sys.stdin.readline(); os.abort()"]
    popen, crashes = dicom_decoder.subprocess.Popen, itertools.chain([True], itertools.repeat(False))

    def started(command, **how):
        return popen(crash if next(crashes) else command, **how)

    monkeypatch.setattr(dicom_decoder.subprocess, "Popen", started)
    with PixelReader() as reader:
        with pytest.raises(InputError, match=r"crashes the decoder .exit -6.*copy or download"):
            hu_of(path, reader)
        expected = hu_of(shared("data", "dicom_syntaxes", "CTImage.dcm"))
        np.testing.assert_array_equal(hu_of(path, reader), expected)
        np.testing.assert_array_equal(hu_of(path, reader), expected)


def test_a_decoder_that_never_answers_is_stopped(monkeypatch):
    popen, wait = dicom_decoder.subprocess.Popen, [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(dicom_decoder, "LONGEST_S", 0.2)
    monkeypatch.setattr(dicom_decoder.subprocess, "Popen", lambda command, **how: popen(wait, **how))
    with pytest.raises(InputError, match=r"keeps the decoder busy for 0.2 s .exit -9"):
        hu_of(compressed("JPEG2000LosslessOnly"))


def test_nothing_is_imported_from_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "omentum").mkdir()
    (tmp_path / "json.py").write_text("open('imported', 'w')\n")
    monkeypatch.chdir(tmp_path)
    expected = hu_of(shared("data", "dicom_syntaxes", "CTImage.dcm"))
    np.testing.assert_array_equal(hu_of(compressed("JPEG2000LosslessOnly")), expected)
    assert not (tmp_path / "imported").exists()


def test_uncompressed_images_need_no_other_process(tmp_path, hu, monkeypatch):
    monkeypatch.setattr(dicom_decoder, "_start", None)
    write_stack(tmp_path, hu)
    np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


def test_frames_of_reference_that_differ_are_told(tmp_path, hu):
    for path in write_stack(tmp_path, hu, FrameOfReferenceUID="1.2.3")[::2]:
        header = pydicom.dcmread(path)
        header.FrameOfReferenceUID = "1.2.4"
        header.save_as(path)
    with pytest.warns(CaseWarning, match="state 2 frames of reference"):
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


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
