"""What is kept of the image that each slice came from."""

import pickle

import numpy as np
import pydicom
import pytest
from dicom_files import save, slice_of, write_stack
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from omentum.io.dicom.files import find_slices
from omentum.io.dicom.series import read_series

PATIENT = {"PatientName": "Doe^Jane", "PatientID": "4711", "StudyInstanceUID": "1.2.840.7"}


def image_of(path):
    (one,), _ = find_slices(path)
    return one.image


def test_every_slice_keeps_the_header_of_its_image(tmp_path):
    hu = np.zeros((7, 6, 5), np.int16)
    paths = write_stack(tmp_path, hu, **PATIENT)
    order = pickle.loads(pickle.dumps(read_series(tmp_path).header["dicom"]))
    written = [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]
    for path in paths:
        path.unlink()
    assert len(order.images) == 5
    for image, header in zip(order.images, written, strict=True):
        kept = image.dataset()
        assert kept == header
        assert kept.file_meta == header.file_meta
        assert image.frame_number is None
    assert order.tilted is None


@pytest.mark.parametrize("kind", ["deflated", "implicit", "no preamble", "no preamble but a prefix"])
def test_a_header_is_kept_however_it_is_written(tmp_path, kind):
    header = slice_of(np.zeros((4, 4)), (0, 0, 0), 1, "1.2.3", **PATIENT)
    if kind in ("deflated", "implicit"):
        syntax = {"deflated": DeflatedExplicitVRLittleEndian, "implicit": ImplicitVRLittleEndian}[kind]
        header.file_meta.TransferSyntaxUID = syntax
    path = save(header, tmp_path / "slice")
    if kind.startswith("no preamble"):
        path.write_bytes(path.read_bytes()[132 if kind == "no preamble" else 128 :])
    kept = image_of(path).dataset()
    assert "PixelData" not in kept
    assert (kept.PatientName, kept.PatientID, kept.StudyInstanceUID) == tuple(PATIENT.values())
    assert kept.SOPInstanceUID == header.SOPInstanceUID


def test_what_identifies_the_patient_is_not_shown(tmp_path):
    path = save(slice_of(np.zeros((4, 4)), (0, 0, 0), 1, "1.2.3", **PATIENT), tmp_path / "slice")
    assert repr(image_of(path)) == "SourceImage(frame_number=None)"
