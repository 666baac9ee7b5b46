"""Compressed images are decoded by another process: what a broken image does to it is told, and harms nothing else."""

import itertools
import sys

import numpy as np
import pydicom
import pytest
from dicom_files import hu_of, write_stack
from pydicom.encaps import encapsulate, generate_frames
from shared_data import shared

from omentum.errors import InputError
from omentum.io.dicom import decoder as dicom_decoder
from omentum.io.dicom.pixels import PixelReader
from omentum.io.dicom.series import read_series


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
