"""High-throughput JPEG 2000: a code stream made by OpenJPH (lossless), not by the decoder that reads it here."""

import base64

import numpy as np
import pytest
from dicom_files import hu_of, save, slice_of
from pydicom.encaps import encapsulate
from pydicom.uid import HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL, generate_uid

from omentum.errors import InputError

PIXELS = ((np.arange(12)[:, None] * 251 + np.arange(16) * 17) % 4096).astype(np.uint16)
STREAM = base64.b64decode(
    b"/0//UQApQAAAAAAQAAAADAAAAAAAAAAAAAAAEAAAAAwAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCI"
    b"kJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAH0AAf+TwAAmQ/cFB3QAAMAAEsAAEwA2AYd0"
    b"AMjwA4d0AMAAE0AAEwAazQECdACLiwBCNADAABUwAAVgiqL8oCIwgnYAaEQjGtH4wFKBvrYAwAAq4AAWkAAAAMDninpwAncA9Onp"
    b"6enp6en6DGB79jGB7LoA/9k="
)


def written(path, stream, syntax=HTJ2KLossless):
    header = slice_of(PIXELS, (0, 0, 0), 1, generate_uid(), PixelRepresentation=0)
    header.file_meta.TransferSyntaxUID, header.PixelData = syntax, encapsulate([stream])
    header["PixelData"].VR = "OB"
    return save(header, path)


@pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K])
def test_every_pixel_is_exact(tmp_path, syntax):
    np.testing.assert_array_equal(hu_of(written(tmp_path / "a", STREAM, syntax)), PIXELS.T.astype(int) - 1024)


def test_one_that_is_cut_short_is_refused(tmp_path):
    with pytest.raises(InputError, match="its image is missing or damaged"):
        hu_of(written(tmp_path / "a", STREAM[:-60]))
