import shutil
import subprocess

import nibabel
import numpy as np
import pydicom
import pytest
from asymmetric_series import LAYOUTS, masks_of, points_mm, series_of

from omentum.errors import GeometryError
from omentum.io.dicom_masks.read import read_dicom_masks
from omentum.io.dicom_out.contours import outlines
from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import source_series
from omentum.io.dicom_out.structure_set import write_structure_set


def written(path, ct, seg):
    identity = ObjectIdentity(903, "Omentum structure set")
    return write_structure_set(path, seg, source_series(ct.header, ct.grid), identity, Producer("1.2.3"))


@pytest.mark.parametrize(("directions", "step_mm"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_masks_come_back_in_the_same_place(directions, step_mm, tmp_path):
    ct = series_of(tmp_path / "ct", directions, step_mm)
    seg = masks_of(ct)
    assert written(tmp_path / "rs.dcm", ct, seg) == ("liver", "liver_tumour", "spleen")
    assert points_mm(read_dicom_masks(tmp_path / "rs.dcm", ct.grid)) == points_mm(seg)


def test_contours_alone_have_no_voxels(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["prone"])
    written(tmp_path / "rs.dcm", ct, masks_of(ct))
    with pytest.raises(GeometryError, match="contours, which say nothing of the voxels"):
        read_dicom_masks(tmp_path / "rs.dcm")


def test_a_hole_is_joined_to_the_outline_around_it():
    ring = np.ones((7, 6), bool)
    ring[2:4, 2:4] = False
    ring[5, 3] = False
    (outline,) = outlines(ring)
    x, y = outline.T
    # The area of the outline less that of both holes: both are run through against its direction.
    area = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    assert area == (7 * 6 - 0.5) - (4 - 0.5) - 0.5  # corners are cut
    assert len(outlines(np.array([[1, 0, 1], [0, 0, 0], [1, 0, 1]], bool))) == 4


def test_it_names_its_regions_and_refers_to_the_images(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["prone"])
    written(tmp_path / "rs.dcm", ct, masks_of(ct))
    file = pydicom.dcmread(tmp_path / "rs.dcm")
    images = [one.dataset() for one in ct.header["dicom"].images]
    assert (file.PatientID, file.Modality) == ("PID-1", "RTSTRUCT")
    assert [one.ROIName for one in file.StructureSetROISequence] == ["Liver", "Liver tumour", "Spleen"]
    (frame,) = file.ReferencedFrameOfReferenceSequence
    assert frame.FrameOfReferenceUID == images[0].FrameOfReferenceUID
    series = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == images[0].SeriesInstanceUID
    assert len(series.ContourImageSequence) == len(images)
    for region in file.ROIContourSequence:
        for contour in region.ContourSequence:
            uid = contour.ContourImageSequence[0].ReferencedSOPInstanceUID
            (image,) = [one for one in images if uid == one.SOPInstanceUID]
            assert {contour.ContourData[2]} == {image.ImagePositionPatient[2]} == {*contour.ContourData[2::3]}
            assert contour.NumberOfContourPoints * 3 == len(contour.ContourData)
    assert list(file.ROIContourSequence[0].ROIDisplayColor) == [221, 130, 101]
    assert file.RTROIObservationsSequence[2].RTROIIdentificationCodeSequence[0].CodeValue == "78961009"


@pytest.mark.skipif(shutil.which("plastimatch") is None, reason="plastimatch is not installed")
@pytest.mark.parametrize("layout", ["axial, head first"])
def test_plastimatch_reads_the_same(layout, tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS[layout])
    seg = masks_of(ct)
    written(tmp_path / "rs.dcm", ct, seg)
    shutil.copytree(tmp_path / "ct", tmp_path / "both")
    shutil.copy(tmp_path / "rs.dcm", tmp_path / "both")
    command = ["plastimatch", "convert", "--input", tmp_path / "both", "--output-prefix", tmp_path / "out"]
    subprocess.run([*map(str, command), "--prefix-format", "nii"], check=True, capture_output=True)
    found = {}
    for key, name in (("liver", "Liver"), ("liver_tumour", "Liver tumour"), ("spleen", "Spleen")):
        (file,) = [f for f in (tmp_path / "out").iterdir() if f.stem.replace("_", " ").lower() == name.lower()]
        image = nibabel.load(file)
        at = nibabel.affines.apply_affine(image.affine, np.argwhere(image.get_fdata()))
        found[key] = sorted((np.round(at, 2) + 0.0).tolist())
    assert found == points_mm(seg)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
def test_a_validator_finds_no_error(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["axial, head first"])
    written(tmp_path / "rs.dcm", ct, masks_of(ct))
    told = subprocess.run(["dciodvfy", tmp_path / "rs.dcm"], capture_output=True, text=True, check=False)
    assert [line for line in told.stderr.splitlines() if "Error" in line] == []
    assert "RTStructureSet" in told.stderr
