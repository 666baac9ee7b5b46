import shutil
import subprocess

import highdicom
import numpy as np
import pytest
from asymmetric_series import LAYOUTS, series_of

from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.measurement_report import ReportedLesion, ReportedStructure, write_measurement_report
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import source_series

STRUCTURES = [ReportedStructure("liver", 1234.5678, 101.25), ReportedStructure("left_kidney", 150.0, None)]
ENDS = ((10.0, -20.0, 30.0), (13.0, -16.0, 30.0))
LESIONS = [
    ReportedLesion("Liver tumour 1", "liver_tumour", "liver", 0.75, 40.0, ENDS, ((11, -19, 30), (12, -18, 30))),
]


def written(path, ct, *, with_masks):
    segments = (ObjectIdentity(901, "masks"), {"liver": 1, "left_kidney": 2}) if with_masks else None
    source = source_series(ct.header, ct.grid)
    made = ObjectIdentity(904, "Omentum measurements")
    write_measurement_report(path, (STRUCTURES, LESIONS), source, made, Producer("1.2.3"), segments)
    return segments


def items(content, kind):
    """All content items of a value type below one."""
    for item in content.get("ContentSequence", ()):
        if item.ValueType == kind:
            yield item
        yield from items(item, kind)


@pytest.mark.parametrize("with_masks", [False, True])
def test_measurements_are_read_back(with_masks, tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["prone"])
    segments = written(tmp_path / "sr.dcm", ct, with_masks=with_masks)
    document = highdicom.sr.srread(tmp_path / "sr.dcm")
    assert document.PatientID == "PID-1"
    if with_masks:
        assert len(document.content.get_volumetric_roi_measurement_groups()) == 2
        places = [one.ReferencedSOPSequence[0] for one in items(document, "IMAGE")]
        referred = [(one.ReferencedSOPInstanceUID, one.ReferencedSegmentNumber) for one in places]
        assert referred == [(segments[0].instance, 1), (segments[0].instance, 2)]
    else:
        assert len(document.content.get_image_measurement_groups()) == 3
    groups = document.content.get_volumetric_roi_measurement_groups()
    groups += document.content.get_image_measurement_groups()
    values = {group.tracking_identifier: [m.value for m in group.get_measurements()] for group in groups}
    assert values == {"Liver": [1234.568, 101.25], "Left kidney": [150.0], "Liver tumour 1": [0.75, 40.0, 5.0, 1.414]}
    kidney = next(group for group in groups if group.tracking_identifier == "Left kidney")
    assert kidney.finding_sites[0].laterality.meaning == "Left"


def test_diameters_are_lines_in_the_patient(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["prone"])
    written(tmp_path / "sr.dcm", ct, with_masks=True)
    document = highdicom.sr.srread(tmp_path / "sr.dcm")
    (lesion,) = document.content.get_image_measurement_groups()
    (long_axis,) = lesion.get_measurements(highdicom.sr.CodedConcept("103339001", "SCT", "Long Axis"))
    (line,) = items(long_axis[0], "SCOORD3D")
    np.testing.assert_allclose(np.reshape(line.GraphicData, (2, 3)) * [-1, -1, 1], ENDS)
    frame = ct.header["dicom"].images[0].dataset().FrameOfReferenceUID
    assert line.ReferencedFrameOfReferenceUID == frame


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
@pytest.mark.parametrize("with_masks", [False, True])
def test_a_validator_finds_no_error(with_masks, tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["prone"])
    written(tmp_path / "sr.dcm", ct, with_masks=with_masks)
    told = subprocess.run(["dciodvfy", tmp_path / "sr.dcm"], capture_output=True, text=True, check=False)
    assert [line for line in told.stderr.splitlines() if "Error" in line] == []
    assert "Comprehensive3DSR" in told.stderr
