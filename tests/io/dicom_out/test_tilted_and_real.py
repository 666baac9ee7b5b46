"""Objects about a series from a tilted gantry, and about a real one."""

import nibabel
import numpy as np
import pydicom
import pytest
from asymmetric_series import masks_of, points_mm, write_series
from shared_data import shared

from omentum.errors import CaseWarning
from omentum.io.dicom.series import read_series
from omentum.io.dicom_masks.read import read_dicom_masks
from omentum.io.dicom_out.measurement_report import ReportedStructure
from omentum.io.dicom_out.objects import ObjectSet
from omentum.io.dicom_out.on_images import on_images
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import source_series
from omentum.segmentation import Segmentation


def objects_of(folder, seg, ct):
    return ObjectSet(folder, seg, source_series(ct.header, ct.grid), Producer("1"))


def test_masks_of_a_tilted_series_lie_on_its_own_slices(tmp_path):
    write_series(tmp_path / "ct", (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), 2.5, lean_mm=(0.0, 0.9, 0.0))
    with pytest.warns(CaseWarning, match="tilted"):
        ct = read_series(tmp_path / "ct", allow_tilt=True)
    seg = masks_of(ct)
    objects = objects_of(tmp_path, seg, ct)
    assert not objects.source.grid.same_as(ct.grid)
    objects.write_segmentation("seg.dcm")
    objects.write_structure_set("rs.dcm")
    objects.write_probability("pm.dcm", "liver", seg.mask("liver").astype(np.uint8))
    expected = points_mm(on_images(seg, objects.source.grid))
    assert points_mm(read_dicom_masks(tmp_path / "seg.dcm")) == expected
    assert points_mm(read_dicom_masks(tmp_path / "rs.dcm", objects.source.grid)) == expected
    centres = (np.mean(points["liver"], axis=0) for points in (points_mm(seg), expected))
    np.testing.assert_allclose(*centres, atol=0.6)  # less than a pixel; thinner masks move by half a slice
    stated = {tuple(one.dataset().ImagePositionPatient) for one in ct.header["dicom"].images}
    for frame in pydicom.dcmread(tmp_path / "seg.dcm").PerFrameFunctionalGroupsSequence:
        assert tuple(frame.PlanePositionSequence[0].ImagePositionPatient) in stated


def test_a_real_series_to_dicom_and_back(tmp_path):
    ct = read_series(shared("data", "abdomen_dicom", "series"))
    stored = nibabel.load(shared("data", "abdomen_dicom", "totalsegmentator_labels.nii.gz"))
    labels = np.flip(np.asarray(stored.dataobj), 1)
    masks = {"spleen": labels == 1, "liver": labels == 5, "stomach": labels == 6, "aorta": labels == 52}
    masks["liver_tumour"] = np.roll(masks["liver"], 9, 0) & masks["liver"] & (np.arange(512) < 180)[:, None, None]
    seg = Segmentation.from_masks(masks, ct.affine)
    with pytest.warns(CaseWarning, match="have no StudyInstanceUID, SeriesInstanceUID of their own"):
        objects = objects_of(tmp_path, seg, ct)
    found = objects.write_segmentation("seg.dcm")
    assert objects.write_structure_set("rs.dcm") == found
    objects.write_report("sr.dcm", [ReportedStructure(key, 1.0, None) for key in found], [], objects.segments)
    assert pydicom.dcmread(tmp_path / "sr.dcm").Modality == "SR"
    for back in (read_dicom_masks(tmp_path / "seg.dcm"), read_dicom_masks(tmp_path / "rs.dcm", ct.grid)):
        first = round(float((back.affine[2, 3] - ct.affine[2, 3]) / ct.spacing_mm[2]))
        for key in found:
            np.testing.assert_array_equal(back.mask(key), masks[key][:, :, first : first + back.shape[2]])
