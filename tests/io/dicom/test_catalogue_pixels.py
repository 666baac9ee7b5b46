"""The catalogue of faulty inputs, DICOM 73 to 84: values, encodings and damage of images; multi-frame images."""

from functools import partial
from unittest.mock import patch

import numpy as np
import pydicom
import pytest
from catalogue import PATIENT, Case, Outcome, check
from dicom_cases import HU, edited, stack, whole
from dicom_files import CORONAL, save
from dicom_frames import frames_of, item, write_frames
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from omentum.io.detect import load_volume
from omentum.io.dicom import codecs

E, W, OK = Outcome.ERROR, Outcome.WARNING, Outcome.OK
ORDER = (5, 0, 7, 2, 1, 6, 3, 4)
LARGER = np.kron(HU, np.ones((6, 6, 1), np.int16))
"""JPEG 2000 needs some pixels."""
PLAIN = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big-endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
COMPRESSED = {"RLE": RLELossless, "JPEG 2000": JPEG2000Lossless, "JPEG-LS": JPEGLSLossless}


def one(k, **tags):
    return partial(edited, k=k, tags=tags)


def encoded(folder, syntax, of=slice(None)):
    """A stack of larger images in another transfer syntax."""
    paths = stack(folder, LARGER)
    for path in paths[of]:
        header = pydicom.dcmread(path)
        pixels = header.pixel_array
        if syntax in COMPRESSED.values():
            header.compress(syntax, generate_instance_uid=False)
        else:
            header.file_meta.TransferSyntaxUID = syntax
            header.PixelData = pixels.astype(">i2" if syntax == ExplicitVRBigEndian else "<i2").tobytes()
            header["PixelData"].VR = "OW"
        how = {"implicit_vr": syntax == ImplicitVRLittleEndian, "little_endian": syntax != ExplicitVRBigEndian}
        pydicom.dcmwrite(path, header, force_encoding=True, **how)
    return paths


def broken(folder, syntax, cut):
    """The code stream of one slice replaced from some byte on, or cut off there."""
    path = encoded(folder, syntax)[3]
    header = pydicom.dcmread(path)
    frame = next(generate_frames(header.PixelData, number_of_frames=1))
    rest = b"" if cut else np.random.default_rng(0).integers(0, 256, len(frame), dtype=np.uint8).tobytes()
    header.PixelData = encapsulate([frame[: len(frame) // 2] + rest[: len(frame) // 2]])
    header.save_as(path)


def named(syntax):
    """All slices claim another transfer syntax, and are compressed as far as one sees."""

    def make(folder):
        for path in encoded(folder, RLELossless):
            header = pydicom.dcmread(path)
            header.file_meta.TransferSyntaxUID = syntax
            header.save_as(path)

    return make


def without_codec(path):
    """Read it where no decoder of compressed images is installed."""
    with patch.object(codecs, "decoders_of", lambda syntax: (None, [])):
        return load_volume(path)


def slopes(folder):
    paths = stack(folder)
    for k, path in enumerate(paths):
        header = pydicom.dcmread(path)
        header.RescaleSlope, header.RescaleIntercept = 1 + 0.25 * (k % 2), -1024 + k
        save(header, path)


def larger(volume):
    np.testing.assert_array_equal(volume.voxels, LARGER)


def rescaled(volume):
    for k in range(8):
        expected = (HU[:, :, k].astype(float) + 1024) * (1 + 0.25 * (k % 2)) - 1024 + k
        np.testing.assert_allclose(volume.voxels[:, :, k], expected, atol=1e-3)


def padded(folder):
    """A corner outside the field of view, marked as most scanners do."""
    for path in stack(folder):
        header = pydicom.dcmread(path)
        pixels = header.pixel_array.copy()
        pixels[0, :] = -2000
        header.PixelData, header.PixelPaddingValue = pixels.tobytes(), -2000
        header["PixelPaddingValue"].VR = "SS"
        save(header, path)


def air_around(volume):
    assert (volume.voxels[:, 0] == -1024).all()
    np.testing.assert_array_equal(volume.voxels[:, 1:], HU[:, 1:])


def twelve_bits(high, dirty=0):
    """Unsigned values of 12 bits, the highest of which is `high`, with other bits set around them."""

    def make(folder):
        for path in stack(folder):
            header = pydicom.dcmread(path)
            values = header.pixel_array.astype(np.uint16) << (high - 11)
            header.PixelData = (values | np.uint16(dirty)).tobytes()
            header.BitsStored, header.HighBit, header.PixelRepresentation = 12, high, 0
            save(header, path)

    return make


def cut(k=3, to=-30, content=None):
    def make(folder):
        path = stack(folder)[k]
        path.write_bytes(path.read_bytes()[:to] if content is None else content)

    return make


def bare(folder):
    for path in stack(folder)[::2]:
        path.write_bytes(path.read_bytes()[132:])


def enhanced(order=ORDER, **tags):
    return lambda folder: write_frames(folder / "frames.dcm", HU, order, **PATIENT | tags)


def with_groups(per_frame, order=ORDER, hu=HU):
    def make(folder):
        return save(frames_of(hu, order, per_frame=per_frame), folder / "frames.dcm")

    return make


def framewise(folder):
    return with_groups({k: {"PixelValueTransformationSequence": item(RescaleSlope=2, RescaleIntercept=-1024 + k)}
                        for k in range(8)})(folder)  # fmt: skip


def framewise_rescaled(volume):
    for k in range(8):
        np.testing.assert_array_equal(volume.voxels[:, :, k], (HU[:, :, k].astype(int) + 1024) * 2 - 1024 + k)


def two_time_points(folder):
    order = [*range(8), *range(8)]
    header = frames_of(HU, order)
    for n, groups in enumerate(header.PerFrameFunctionalGroupsSequence):
        groups.FrameContentSequence[0].TemporalPositionIndex = 1 + n // 8
        groups.FrameContentSequence[0].FrameAcquisitionNumber = 1 + n
    return save(header, folder / "frames")


def turned_frame(folder):
    return with_groups({2: {"PlaneOrientationSequence": item(ImageOrientationPatient=list(CORONAL))}})(folder)


def cut_frames(folder):
    path = enhanced()(folder)
    path.write_bytes(path.read_bytes()[:-60])
    return path


def compressed_frames(folder, syntax):
    path = enhanced()(folder)
    header = pydicom.dcmread(path)
    if syntax in COMPRESSED.values():
        header.compress(syntax, generate_instance_uid=False)
    header.file_meta.TransferSyntaxUID = syntax
    header.save_as(path)
    return path


def perfusion(folder):
    unit = item(CodeValue="ml/100ml/s", CodingSchemeDesignator="UCUM", CodeMeaning="flow")
    mapping = item(RealWorldValueSlope=1.0, RealWorldValueIntercept=0.0, MeasurementUnitsCodeSequence=unit)
    return with_groups({k: {"RealWorldValueMappingSequence": mapping} for k in range(8)})(folder)


def numbered(volume):
    """Frames are known by their numbers, and lie where they say."""
    whole(volume)
    images = volume.header["dicom"].images
    assert [image.frame_number for image in images] == [ORDER.index(k) + 1 for k in range(8)]


CASES = (
    Case(73, "no rescale", partial(stack, RescaleSlope=None, RescaleIntercept=None), W,
         r"8 slice\(s\), e.g. .* state no rescale intercept; stored numbers taken as HU"),
    Case(73, "one slice without rescale", one(3, RescaleSlope=None, RescaleIntercept=None), W, "1 slice.*image_4,"),
    Case(73, "slope 0", one(3, RescaleSlope=0), E, "image_4: rescale slope 0 and intercept -1024 are impossible"),
    Case(73, "a negative slope", one(3, RescaleSlope=-1), E, "image_4: rescale slope -1 .* would invert the CT"),
    *(Case(73, f"{tag} {value}", one(3, **{tag: value}), E, "image_4: rescale slope .* are impossible")
      for tag in ("RescaleSlope", "RescaleIntercept") for value in ("1e300", "-1e308")),
    Case(73, "an intercept that is no number", one(3, RescaleIntercept=float("nan")), E, "intercept nan"),
    Case(74, "a slope for each slice", slopes, OK, right=rescaled),
    Case(75, "signed padding", padded, OK, right=air_around),
    Case(76, "garbage beyond the stored bits", twelve_bits(11, dirty=0xF000), OK, right=whole),
    Case(76, "the upper 12 of 16 bits", twelve_bits(15), OK, right=whole),
    Case(76, "the upper 12 of 16 bits, garbage below", twelve_bits(15, dirty=0x000F), OK, right=whole),
    Case(77, "MONOCHROME1", partial(stack, PhotometricInterpretation="MONOCHROME1"), W, "taken as stored, not inverted",
         right=whole),
    *(Case(79, name, partial(encoded, syntax=syntax), OK, right=larger)
      for name, syntax in (PLAIN | COMPRESSED).items()),
    Case(79, "some slices compressed", partial(encoded, syntax=JPEG2000Lossless, of=slice(2, 5)), OK, right=larger),
    Case(79, "JPEG 2000 without its codec", partial(encoded, syntax=JPEG2000Lossless), E,
         r"7 more \(JPEG 2000.*\) need pylibjpeg with pylibjpeg-openjpeg, or python-gdcm .*omentum\[dicom\]",
         read=without_codec),
    Case(79, "JPEG-LS without its codec", partial(encoded, syntax=JPEGLSLossless), E, "need python-gdcm or pyjpegls",
         read=without_codec),
    Case(79, "uncompressed without any codec", stack, OK, read=without_codec, right=whole),
    *(Case(80, f"{name} of garbage", partial(broken, syntax=syntax, cut=False), E,
           "image_4: its (compressed )?image .*(cannot be decoded|damaged)")
      for name, syntax in COMPRESSED.items()),
    *(Case(80, f"{name} cut in half", partial(broken, syntax=syntax, cut=True), E,
           "image_4: its (compressed )?image .*(cannot be decoded|damaged)")
      for name, syntax in COMPRESSED.items()),
    Case(80, "an unknown transfer syntax", named("1.2.3.4.5"), E, "cannot be decoded .decompress it"),
    Case(80, "a film", named("1.2.840.10008.1.2.4.100"), E, r"\(MPEG2 .*\) cannot be decoded"),
    Case(81, "frames in any order", enhanced(), OK, right=numbered),
    Case(81, "frames of a slope of their own", framewise, OK, right=framewise_rescaled),
    Case(81, "compressed frames", partial(compressed_frames, syntax=RLELossless), OK, right=numbered),
    Case(81, "deflated frames", partial(compressed_frames, syntax=DeflatedExplicitVRLittleEndian), OK, right=numbered),
    Case(81, "frames beside single slices", lambda f: [stack(f / "s"), enhanced()(f)], E, "holds 2 series"),
    Case(81, "frames of two time points", two_time_points, E, r"time point 1 \[\w+\] \(8 images"),
    Case(81, "frames without positions", enhanced(PerFrameFunctionalGroupsSequence=None), E,
         "is an image of 8 frames, but states for 0 of them where they are"),
    Case(81, "fewer positions than frames", enhanced(NumberOfFrames=9), E, "of 9 frames, but states for 8"),
    Case(81, "a frame missing", enhanced(order=(5, 0, 7, 2, 1, 6, 3)), E, "1 between 107.5 and 112.5 mm"),
    Case(81, "a frame that is turned", turned_frame, E, "is turned against the other slices"),
    Case(81, "frames cut off", cut_frames, E, "its image is missing or damaged"),
    Case(81, "frames of blood flow", perfusion, E, "holds values in ml/100ml/s, not HU"),
    Case(82, "a slice cut off", cut(), E, "image_4: its image is missing or damaged: 54 of 84 bytes"),
    Case(82, "a header cut off", cut(to=300), E, "image_4: is a"),
    Case(82, "a slice of zeros", cut(content=bytes(2000)), E, "image_4: is empty or all zeros"),
    Case(82, "an empty slice", cut(content=b""), E, "image_4: is empty or all zeros"),
    Case(82, "a slice of something else", cut(content=bytes(range(1, 200)) * 9), E, "image_4: is no DICOM file"),
    Case(82, "no pixels", one(3, PixelData=None), E, "image_4: its image is missing or damaged: it has no pixel data"),
    Case(82, "too few pixels", one(3, PixelData=bytes(60)), E, "image_4: .*: 60 of 84 bytes"),
    Case(83, "65535 rows", one(3, Rows=65535), E, "would be 7 x 65535 pixels, no CT is so large"),
    Case(83, "65535 rows and columns everywhere", partial(stack, Rows=65535, Columns=65535), E, "no CT is so large"),
    Case(83, "two thousand million frames", enhanced(NumberOfFrames=2_000_000_000), E, "no CT has so many"),
    Case(83, "64 bits for each pixel", one(3, BitsAllocated=64), E, "has 64 bits for each pixel"),
    Case(83, "more bits stored than there are", one(3, BitsStored=24), E, "is a damaged DICOM file"),
    Case(84, "slices without a preamble", bare, OK, right=whole),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_the_expected_one(case, tmp_path):
    check(case, tmp_path)
