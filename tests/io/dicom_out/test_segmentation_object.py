import json
import shutil
import subprocess
from dataclasses import replace

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest
from asymmetric_series import LAYOUTS, masks_of, points_mm, series_of

from omentum.anatomy import STRUCTURES
from omentum.errors import GeometryError, UsageError
from omentum.io.dicom_masks.read import read_dicom_masks
from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.segmentation_object import SegmentationKind, write_segmentation_object
from omentum.io.dicom_out.source import source_series
from omentum.segmentation import Segmentation

MADE = Producer("1.2.3", "default", "ab" * 32)
WHOLE = {"shape": (16, 10, 7)}
"""A whole number of bytes a frame."""


def written(path, ct, seg, **options):
    identity = ObjectIdentity(901, "Omentum segmentation")
    return write_segmentation_object(path, seg, source_series(ct.header, ct.grid), identity, MADE, **options)


@pytest.mark.parametrize("size", [{}, WHOLE], ids=["odd", "whole bytes"])
@pytest.mark.parametrize(("directions", "step_mm"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_masks_come_back_in_the_same_place(directions, step_mm, size, tmp_path):
    ct = series_of(tmp_path / "ct", directions, step_mm, **size)
    seg = masks_of(ct)
    assert written(tmp_path / "seg.dcm", ct, seg) == ("liver", "liver_tumour", "spleen")
    found = read_dicom_masks(tmp_path / "seg.dcm")
    assert points_mm(found) == points_mm(seg)


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize(("directions", "step_mm"), [*LAYOUTS.values()][:2])
def test_a_label_map_comes_back_in_the_same_place(directions, step_mm, deflate, tmp_path):
    ct = series_of(tmp_path / "ct", directions, step_mm)
    seg = masks_of(ct).subset(["liver", "spleen"])
    written(tmp_path / "seg.dcm", ct, seg, kind=SegmentationKind.LABELMAP, deflate=deflate)
    assert points_mm(read_dicom_masks(tmp_path / "seg.dcm")) == points_mm(seg)
    file = pydicom.dcmread(tmp_path / "seg.dcm")
    assert file.file_meta.TransferSyntaxUID.is_deflated == deflate
    assert file.NumberOfFrames == 5


def points_of_highdicom(path):
    """Centres of the voxels of each segment, by highdicom's own reader."""
    seg = highdicom.seg.segread(path)
    found = {}
    for segment in seg.SegmentSequence:
        if not segment.SegmentNumber:
            continue
        volume = seg.get_volume(segment_numbers=[segment.SegmentNumber], combine_segments=False)
        at = np.argwhere(volume.array[..., 0])
        lps = at @ volume.affine[:3, :3].T + volume.affine[:3, 3]
        found[segment.SegmentLabel] = sorted((np.round(lps * [-1, -1, 1], 2) + 0.0).tolist())
    return found


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize(("directions", "step_mm"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_highdicom_reads_the_same(directions, step_mm, deflate, tmp_path):
    ct = series_of(tmp_path / "ct", directions, step_mm)
    seg = masks_of(ct)
    written(tmp_path / "seg.dcm", ct, seg, deflate=deflate)
    names = {key: STRUCTURES[key].display for key in seg.classes}
    assert points_of_highdicom(tmp_path / "seg.dcm") == points_mm(seg, names)


@pytest.mark.skipif(shutil.which("segimage2itkimage") is None, reason="dcmqi is not installed")
@pytest.mark.parametrize("layout", ["axial, feet first", "oblique"])
def test_dcmqi_reads_the_same(layout, tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS[layout])
    seg = masks_of(ct)
    written(tmp_path / "seg.dcm", ct, seg)
    (tmp_path / "out").mkdir()
    command = ["segimage2itkimage", "--inputDICOM", tmp_path / "seg.dcm", "--outputDirectory", tmp_path / "out"]
    subprocess.run([*map(str, command), "-t", "nii"], check=True, capture_output=True)
    described = json.loads((tmp_path / "out" / "meta.json").read_text())["segmentAttributes"]
    found = {}
    for n, segments in enumerate(described, start=1):
        (file,) = (tmp_path / "out").glob(f"*{n}.nii*")
        image = nibabel.load(file)
        at = nibabel.affines.apply_affine(image.affine, np.argwhere(image.get_fdata()))
        found[segments[0]["SegmentLabel"]] = sorted((np.round(at, 2) + 0.0).tolist())
    assert found == points_mm(seg, {key: STRUCTURES[key].display for key in seg.classes})


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
def test_a_validator_finds_no_error(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["axial, head first"])
    written(tmp_path / "seg.dcm", ct, masks_of(ct))
    told = subprocess.run(["dciodvfy", tmp_path / "seg.dcm"], capture_output=True, text=True, check=False)
    assert [line for line in told.stderr.splitlines() if "Error" in line] == []
    assert "Segmentation" in told.stderr


def test_it_says_whose_it_is_what_it_refers_to_and_how_it_was_made(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["prone"])
    written(tmp_path / "seg.dcm", ct, masks_of(ct))
    file = pydicom.dcmread(tmp_path / "seg.dcm")
    images = [one.dataset() for one in ct.header["dicom"].images]
    assert (file.PatientName, file.PatientID, file.PatientSex) == ("Doe^Jane", "PID-1", "F")
    assert file.StudyInstanceUID == images[0].StudyInstanceUID
    assert file.FrameOfReferenceUID == images[0].FrameOfReferenceUID
    (series,) = file.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == images[0].SeriesInstanceUID
    drawn = [images[k].SOPInstanceUID for k in (1, 2, 3, 4, 5)]
    assert [one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence] == drawn
    for frame in file.PerFrameFunctionalGroupsSequence:
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        uid = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        (image,) = [one for one in images if uid == one.SOPInstanceUID]
        assert position == image.ImagePositionPatient
    assert file.SegmentsOverlap == "YES"
    liver, tumour, _ = file.SegmentSequence
    (algorithm,) = liver.SegmentationAlgorithmIdentificationSequence
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("Omentum", "1.2.3")
    assert algorithm.AlgorithmParameters == f"weights=default,weights_sha256={'ab' * 32}"
    assert liver.SegmentedPropertyTypeCodeSequence[0].CodeValue == "10200004"
    assert tumour.AnatomicRegionSequence[0].CodeValue == "10200004"
    red, green, blue = highdicom.color.CIELabColor.from_dicom_value(liver.RecommendedDisplayCIELabValue).to_rgb(True)
    assert np.abs(np.subtract((red, green, blue), STRUCTURES["liver"].colour)).max() <= 1


def test_the_side_of_an_organ_is_a_modifier_of_its_type(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["prone"])
    mask = masks_of(ct).mask("liver")
    written(tmp_path / "seg.dcm", ct, Segmentation.from_masks({"left_kidney": mask}, ct.affine))
    (kind,) = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence[0].SegmentedPropertyTypeCodeSequence
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue == "7771000"


def test_overlap_in_a_label_map_is_refused_by_name(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["prone"])
    with pytest.raises(UsageError, match="Liver and Liver tumour overlap"):
        written(tmp_path / "seg.dcm", ct, masks_of(ct), kind=SegmentationKind.LABELMAP)
    assert not (tmp_path / "seg.dcm").exists()


def test_masks_on_another_grid_are_refused(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["prone"])
    seg = masks_of(ct)
    moved = replace(seg, affine=seg.affine + np.eye(4)[:, [3, 0, 1, 2]] * 3)
    with pytest.raises(GeometryError, match="not on the grid"):
        written(tmp_path / "seg.dcm", ct, moved)
