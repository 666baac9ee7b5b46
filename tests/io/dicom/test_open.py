"""Data sets without a preamble, or without the group that names their transfer syntax, and what is no data set."""

import numpy as np
import pydicom
import pytest
from dicom_files import stack_affine, write_stack
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from omentum.io.dicom.open import looks_like_dicom
from omentum.io.dicom.series import read_series


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
