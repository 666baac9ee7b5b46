"""Nothing of a patient's identity in any output or message, but in DICOM objects, which must carry it."""

import gzip
import shutil
import subprocess
import zlib
from pathlib import Path

import pydicom
import pytest
from banded_phantom import banded_ct, ras_grid
from dicom_files import write_stack

from omentum.cli import main

FORMATS = ("dicom-seg", "rtstruct", "dicom-sr", "dicom-pm")
ALL = ["--probabilities", "uint8", *(word for name in FORMATS for word in ("--format", name))]
UIDS = {"StudyInstanceUID": "1.2.3.77771", "FrameOfReferenceUID": "1.2.3.77772"}
MARKERS = {
    "PatientName": "MARKNAME^SECRET",
    "PatientID": "MARKPID",
    "IssuerOfPatientID": "MARKISSUER",
    "OtherPatientIDs": "MARKOTHER",
    "PatientBirthDate": "19130417",
    "PatientAddress": "MARKADDRESS",
    "PatientComments": "MARKCOMMENTS",
    "AccessionNumber": "MARKACC",
    "StudyID": "MARKSTUDYID",
    "StudyDescription": "MARKSTUDY",
    "SeriesDescription": "MARKSERIES",
    "ProtocolName": "MARKPROTOCOL",
    "InstitutionName": "MARKINSTITUTION",
    "ReferringPhysicianName": "MARKPHYSICIAN",
    "OperatorsName": "MARKOPERATOR",
    "StationName": "MARKSTATION",
    "DeviceSerialNumber": "MARKSERIAL",
    "StudyDate": "20010203",
    "ImageComments": "MARKIMAGE",
    "PositionReferenceIndicator": "MARKPOSITION",
    "ClinicalTrialSubjectID": "MARKTRIAL",
}
WORDS = (b"MARK", b"SECRET", b"19130417", b"1913-04-17", b"20010203", b"2001-02-03", b"1.2.3.7777")


def contents(path):
    """The bytes of a file, and what is compressed in it."""
    raw = path.read_bytes()
    yield raw
    if raw[:2] == b"\x1f\x8b":
        yield gzip.decompress(raw)
    elif b"encoding: gzip" in raw[:4096]:
        yield zlib.decompress(raw[raw.index(b"\n\n") + 2 :], 47)


def leaks(folder, uids):
    found = set()
    for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
        words = [*WORDS, *(uid.encode() for uid in uids)]
        found |= {(path.name, word) for content in contents(path) for word in words if word in content}
    return found


def put_series(folder):
    paths = write_stack(folder, banded_ct(ras_grid()).voxels, **MARKERS, **UIDS)
    return {str(uid) for path in paths for uid in _uids(pydicom.dcmread(path))}


def _uids(dataset):
    return {dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.FrameOfReferenceUID}


@pytest.fixture
def scanned(here):
    return put_series(here / "series")


def test_only_dicom_objects_tell_whose_they_are(scanned, capfd):
    assert main(["segment", "series", "-o", "out", "--masks", *ALL]) == 0
    told = capfd.readouterr()
    said = (told.out + told.err).encode()
    assert not any(word in said for word in (*WORDS, *(uid.encode() for uid in scanned)))
    objects = {path.name for path in Path("out").rglob("*.dcm")}
    assert objects >= {"segmentation.dcm", "rtstruct.dcm", "measurements.dcm", "liver.dcm"}
    assert {name for name, _ in leaks("out", scanned)} == objects
    file = pydicom.dcmread("out/series/segmentation.dcm")
    assert (file.PatientID, file.AccessionNumber) == ("MARKPID", "MARKACC")


def test_deidentified_objects_do_not_either(scanned):
    assert main(["segment", "series", "-o", "out", "--quiet", "--no-preview", "--no-report", "--deidentify", *ALL]) == 0
    assert leaks("out", scanned) == set()
    names = ("segmentation", "rtstruct", "measurements", "probabilities/liver")
    files = [pydicom.dcmread(f"out/series/{name}.dcm") for name in names]
    for file in files:
        assert file.PatientIdentityRemoved == "YES"
        codes = [one.CodeValue for one in file.DeidentificationMethodCodeSequence]
        assert codes == ["113100", "113104", "113105"]
        assert file.LongitudinalTemporalInformationModified == "REMOVED"
    seg, contours, report, _ = files
    assert seg.StudyInstanceUID == contours.StudyInstanceUID == report.StudyInstanceUID
    assert seg.FrameOfReferenceUID == contours.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID
    referred = {one.ReferencedSOPInstanceUID for one in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    series = contours.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    assert referred <= {one.ReferencedSOPInstanceUID for one in series.ContourImageSequence}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
def test_a_validator_finds_no_error_in_deidentified_objects(scanned):
    assert main(["segment", "series", "-o", "out", "--quiet", "--no-preview", "--no-report", "--deidentify", *ALL]) == 0
    for name in ("segmentation", "rtstruct", "measurements", "probabilities/liver"):
        told = subprocess.run(["dciodvfy", f"out/series/{name}.dcm"], capture_output=True, text=True, check=False)
        assert [line for line in told.stderr.splitlines() if "Error" in line] == []
