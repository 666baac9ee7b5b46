"""Segmentation objects that are foreign, odd or hostile."""

import zlib

import numpy as np
import pydicom
import pytest
from asymmetric_series import LAYOUTS, masks_of, points_mm, series_of
from shared_data import shared

from omentum.errors import CaseWarning, GeometryError, InputError
from omentum.io.dicom import open as opening
from omentum.io.dicom_masks.read import read_dicom_masks
from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.segmentation_object import write_segmentation_object
from omentum.io.dicom_out.source import source_series
from omentum.io.labels import ForeignLabelsError


@pytest.fixture
def seg(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["oblique"])
    masks = masks_of(ct)
    source = source_series(ct.header, ct.grid)
    write_segmentation_object(tmp_path / "seg.dcm", masks, source, ObjectIdentity(1, "masks"), Producer("1"))
    return masks, tmp_path / "seg.dcm"


def changed(path, change):
    file = pydicom.dcmread(path)
    change(file)
    file.save_as(path)
    return path


def test_frames_in_any_order_are_placed_by_position(seg):
    masks, path = seg
    rng = np.random.default_rng(0)

    def shuffle(file):
        frames = file.pixel_array
        order = rng.permutation(len(frames))
        groups = list(file.PerFrameFunctionalGroupsSequence)
        file.PerFrameFunctionalGroupsSequence = [groups[n] for n in order]
        file.PixelData = np.packbits(frames[order].ravel(), bitorder="little").tobytes() + b"\0" * 9
        file.PixelData = file.PixelData[: len(file.PixelData) // 2 * 2]

    assert points_mm(read_dicom_masks(changed(path, shuffle))) == points_mm(masks)


def test_segments_are_known_by_their_codes(seg):
    masks, path = seg

    def rename(file):
        for number, segment in enumerate(file.SegmentSequence):
            segment.SegmentLabel = f"thing {number}"
            segment.TrackingID = ""
        (kind,) = file.SegmentSequence[2].SegmentedPropertyTypeCodeSequence
        kind.CodeValue, kind.CodingSchemeDesignator = "T-C3000", "SRT"  # the spleen of old

    assert points_mm(read_dicom_masks(changed(path, rename))) == points_mm(masks)


def test_of_foreign_objects_lesions_belong_to_their_organs(seg):
    masks, path = seg
    found = read_dicom_masks(changed(path, lambda file: setattr(file, "ManufacturerModelName", "other")))
    np.testing.assert_array_equal(found.mask("liver").sum(), (masks.mask("liver") | masks.mask("liver_tumour")).sum())


def test_fractions_are_inside_from_half_on(seg):
    _, path = seg

    def fractional(file):
        values = np.zeros((2, file.Rows, file.Columns), np.uint8)
        values[0, 0, :3] = 49, 50, 100
        file.BitsAllocated = file.BitsStored = 8
        file.HighBit, file.SegmentationType, file.MaximumFractionalValue = 7, "FRACTIONAL", 100
        file.SegmentationFractionalType, file.NumberOfFrames = "PROBABILITY", 2
        file.PerFrameFunctionalGroupsSequence = file.PerFrameFunctionalGroupsSequence[:2]
        file.PixelData = values.tobytes()

    with pytest.warns(CaseWarning, match=r"holds fractions \(probability\)"):
        assert read_dicom_masks(changed(path, fractional)).mask("liver").sum() == 2


def too_many_frames(file):
    file.NumberOfFrames = 10**9


def too_few_bytes(file):
    file.PixelData = file.PixelData[:4]


def too_far_apart(file):
    frame = file.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    frame.ImagePositionPatient = [0, 1e5, 0]


def without_positions(file):
    for frame in file.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence


def without_segments(file):
    del file.SegmentSequence


def one_number_twice(file):
    file.SegmentSequence[1].SegmentNumber = file.SegmentSequence[0].SegmentNumber


def an_undeclared_segment(file):
    for number in (0, 2):
        identity = file.PerFrameFunctionalGroupsSequence[number].SegmentIdentificationSequence[0]
        identity.ReferencedSegmentNumber = 9 if number else 0


def fractions(most, bits=8):
    def change(file):
        file.BitsAllocated = file.BitsStored = bits
        file.SegmentationType, file.MaximumFractionalValue = "FRACTIONAL", most

    return change


def of_type(kind):
    return lambda file: setattr(file, "SegmentationType", kind)


def a_pixel_of_7(file):
    values = np.zeros((int(file.NumberOfFrames), file.Rows, file.Columns), np.uint8)
    values[1, 2, 3] = 7
    file.BitsAllocated = file.BitsStored = 8
    file.HighBit, file.SegmentationType, file.PixelData = 7, "LABELMAP", values.tobytes()


def spacing_of(text):
    def change(file):
        file.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [text, text]

    return change


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        (of_type("PROB"), InputError, "is a segmentation of an unknown type"),
        (fractions(0), InputError, "holds fractions of 8 bits with a maximum of 0"),
        (fractions(1000), InputError, "holds fractions of 8 bits with a maximum of 1000"),
        (fractions(255, bits=1), InputError, "holds fractions of 1 bits"),
        (a_pixel_of_7, InputError, "has pixels of segments that it does not declare: 7"),
        (spacing_of("1e-300"), GeometryError, "states impossible directions or pixel spacing"),
        (spacing_of("1e300"), GeometryError, "a frame without PixelSpacing"),
        (too_many_frames, InputError, "declares"),
        (too_few_bytes, InputError, "declares .* bytes of pixels, holds 4"),
        (too_far_apart, GeometryError, "not evenly spaced"),
        (without_positions, GeometryError, "a frame without ImagePositionPatient"),
        (one_number_twice, InputError, "declares segment number 1 twice"),
        (an_undeclared_segment, InputError, "has 2 frame.s. of segments that it does not declare"),
        (without_segments, InputError, "is a damaged DICOM object"),
        (lambda file: setattr(file, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"), InputError, "without masks"),
    ],
)
def test_bad_objects_are_refused_with_a_reason(change, kind, reason, seg):
    with pytest.raises(kind, match=f"seg.dcm: .*{reason}"):
        read_dicom_masks(changed(seg[1], change))


def test_a_deflated_object_that_grows_too_long_is_refused(seg, monkeypatch):
    path = seg[1]
    meta = pydicom.filereader.read_file_meta_info(path)
    meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    stream = zlib.compressobj(wbits=-15)
    with path.open("wb") as file:
        file.write(b"\0" * 128 + b"DICM")
        pydicom.filewriter.write_file_meta_info(pydicom.filebase.DicomFileLike(file), meta)
        file.write(stream.compress(bytes(3_000_000)) + stream.flush())
    monkeypatch.setattr(opening, "LONGEST_HEADER", 2_000_000)
    with pytest.raises(InputError, match="inflates to more than 2000000 bytes"):
        read_dicom_masks(path)


def test_objects_of_dcmqi_are_read():
    liver = read_dicom_masks(shared("data", "dicom_seg", "liver.dcm"))
    assert (liver.classes, liver.shape) == (("liver",), (512, 512, 3))
    with pytest.raises(ForeignLabelsError, match="'GREEN', 'ORANGE'"):
        read_dicom_masks(shared("data", "dicom_seg", "partial_overlaps.dcm"))
