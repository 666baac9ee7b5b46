"""Deflated files are inflated no further than their header says."""

import numpy as np
import pytest
from dicom_files import save, slice_of
from pydicom.uid import DeflatedExplicitVRLittleEndian

from omentum.io.dicom import open as opening
from omentum.io.dicom.damage import DamagedHeaderError, told
from omentum.io.dicom.open import open_dicom

PIXELS = np.arange(20).reshape(4, 5)
BOMB = bytes(3_000_000)


def deflated(path, **tags):
    header = slice_of(PIXELS, (0, 0, 0), 1, "1.2.3", **tags)
    header.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return header, path


def test_a_sound_one_is_read(tmp_path):
    path = save(*deflated(tmp_path / "a"))
    found = open_dicom(path)
    np.testing.assert_array_equal(found.pixel_array, PIXELS)
    assert found.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    header = open_dicom(path, pixels=False, tags=["SeriesInstanceUID"])
    assert (header.SeriesInstanceUID, "PixelData" in header, "Rows" in header) == ("1.2.3", False, False)


def test_pixels_beyond_the_header_are_refused(tmp_path):
    path = save(*deflated(tmp_path / "a", PixelData=BOMB))
    assert open_dicom(path, pixels=False).Rows == 4
    with pytest.raises(DamagedHeaderError, match="more than the 40 bytes"):
        open_dicom(path)


def test_a_header_without_end_is_refused(tmp_path, monkeypatch):
    header, path = deflated(tmp_path / "a", PixelData=None)
    header.EncapsulatedDocument = BOMB
    monkeypatch.setattr(opening, "LONGEST_HEADER", 2_000_000)
    for pixels in (False, True):
        with pytest.raises((DamagedHeaderError, EOFError)):
            open_dicom(save(header, path), pixels=pixels)


def test_messages_quote_nothing_of_the_file():
    assert told(ValueError("Doe^Jane")) == "ValueError"
    assert told(DamagedHeaderError("3 of 4\nbytes")) == "3 of 4 bytes"
