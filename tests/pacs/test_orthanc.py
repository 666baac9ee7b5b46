"""The way to a real DICOMweb server and back."""

from pathlib import Path

import highdicom
import numpy as np
from dicom_files import write_stack

from omentum.cli import main
from omentum.io.dicom_masks.read import read_dicom_masks
from omentum.io.nifti import read_volume
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.pacs.address import parse_address
from omentum.pacs.dicomweb import DicomWebClient
from pacs.conftest import SECRETS

PLAIN = ("--no-report", "--no-preview")


def segment(address, *more):
    return main(["segment", address, "-o", "out", *PLAIN, *more])


def test_a_study_is_segmented_as_its_folder_is(here, orthanc, study, capsys):
    orthanc.put(*study.files)
    assert segment(f"{orthanc.address}/studies/{study.uid}") == 0
    assert main(["segment", "sent", "-o", "local", *PLAIN, "--quiet"]) == 0
    (case,) = (path for path in Path("out").iterdir() if path.is_dir())
    found, expected = (read_volume(folder / "segmentation.nii.gz") for folder in (case, Path("local/sent")))
    assert np.array_equal(found.voxels, expected.voxels)
    assert found.voxels.any()
    assert np.allclose(found.affine, expected.affine)
    told = "".join(capsys.readouterr())
    written = [str(path) for path in Path("out").rglob("*")]
    texts = [path.read_text() for path in Path("out").rglob("*") if path.suffix in (".json", ".csv", ".txt")]
    for secret in study.secrets:
        assert not any(secret in text for text in (told, *written, *texts))


def test_a_series_is_chosen_by_its_address(here, orthanc, study, capsys):
    other = write_stack(here / "other", study.hu[:, :, :9], StudyInstanceUID=study.uid, SeriesNumber=8, **SECRETS)
    orthanc.put(*study.files, *other)
    assert segment(f"{orthanc.address}/studies/{study.uid}", "--quiet") == 2
    told = capsys.readouterr().err
    assert "holds 2 CT series" in told
    assert "series 8 (CT, 9 images)" in told
    assert study.uid not in told
    assert not Path("out").exists()
    assert segment(f"{orthanc.address}/studies/{study.uid}/series/{study.series}", "--quiet") == 0


def test_results_go_back_and_can_be_read(here, orthanc, study, capsys):
    orthanc.put(*study.files)
    address = f"{orthanc.address}/studies/{study.uid}"
    assert segment(address, "--stow") == 0
    assert "stored on the server" in capsys.readouterr().err
    (case,) = (path for path in Path("out").iterdir() if path.is_dir())
    expected = read_seg_nrrd(case / "segmentation.seg.nrrd")
    with DicomWebClient(parse_address(address)) as client:
        found = {one.modality: one for one in client.list_series()}
        assert set(found) >= {"CT", "SEG"}
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
