"""The way to a real DICOMweb server and back."""

import re
from pathlib import Path

import highdicom
import numpy as np
import pytest
from dicom_files import write_stack
from pydicom import dcmread

from omentum.cli import main
from omentum.io.dicom_masks.read import read_dicom_masks
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.pacs.address import parse_address
from omentum.pacs.dicomweb import DicomWebClient
from omentum.pacs.uids import name_of_series
from pacs.conftest import SECRETS

PLAIN = ("--no-report", "--no-preview")


def segment(address, *more):
    return main(["segment", address, "-o", "out", *PLAIN, *more])


def test_a_series_is_chosen_by_its_code_or_address(here, orthanc, study, capsys):
    other = write_stack(here / "other", study.hu[:, :, :9], StudyInstanceUID=study.uid, SeriesNumber=8, **SECRETS)
    orthanc.put(*study.files, *other)
    assert segment(f"{orthanc.address}/studies/{study.uid}", "--quiet") == 2
    told = capsys.readouterr().err
    assert "holds 2 CT series" in told
    (code,) = re.findall(r"series 8 \[(\w{8})\] \(CT, 9 images\)", told)
    assert study.uid not in told
    assert not Path("out").exists()
    assert segment(f"{orthanc.address}/studies/{study.uid}", "--series", code, "--quiet") == 0
    series = str(dcmread(other[0]).SeriesInstanceUID)
    assert segment(f"{orthanc.address}/studies/{study.uid}/series/{series}", "--overwrite", "--quiet") == 0
    assert [path.name for path in Path("out").iterdir()] == [name_of_series(series)]  # the same case


@pytest.mark.slow
def test_results_are_those_of_the_folder_and_go_back(here, orthanc, study, capsys):
    orthanc.put(*study.files)
    address = f"{orthanc.address}/studies/{study.uid}"
    assert segment(address, "--stow") == 0
    told = "".join(capsys.readouterr())
    assert "stored on the server" in told
    assert main(["segment", "sent", "-o", "local", *PLAIN, "--quiet"]) == 0
    (case,) = (path for path in Path("out").iterdir() if path.is_dir())
    expected = read_seg_nrrd("local/sent/segmentation.seg.nrrd")
    written = [str(path) for path in Path("out").rglob("*")]
    texts = [path.read_text() for path in case.rglob("*") if path.suffix in (".json", ".csv", ".txt")]
    for secret in study.secrets:
        assert not any(secret in text for text in (told, *written, *texts))
    with DicomWebClient(parse_address(address)) as client:
        found = {one.modality: one for one in client.list_series()}
        assert set(found) >= {"CT", "SEG", "SR"}
        Path("back").mkdir()
        assert client.retrieve(found["SEG"], Path("back")) == 1
    (file,) = Path("back").iterdir()
    seg = highdicom.seg.segread(file)
    assert {str(seg.PatientID), str(seg.StudyInstanceUID)} == {SECRETS["PatientID"], study.uid}
    ours = read_dicom_masks(file)
    assert set(ours.classes) == set(expected.present())
    for key in ours.classes:
        assert points(ours, key) == points(expected, key)
    assert segment(address, "--stow", "--quiet") == 0  # done earlier, stored again
    assert main(["segment", "sent", "-o", "x", "--stow"]) == 2


def points(seg, key):
    """World coordinates of the voxels of a structure."""
    return sorted(map(tuple, np.round(seg.grid.to_world(np.argwhere(seg.mask(key))), 2) + 0.0))


def test_what_is_not_there(here, orthanc, capsys):
    assert segment(f"{orthanc.address}/studies/1.2.3.4") == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert "1.2.3.4" not in line
