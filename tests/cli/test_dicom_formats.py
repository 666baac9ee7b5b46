"""DICOM outputs of `omentum segment`."""

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from banded_phantom import banded_ct, ras_grid
from case_files import files_in, put_ct
from dicom_files import write_stack

from omentum.cli import main
from omentum.io.dicom_masks.read import read_dicom_masks
from omentum.io.seg_nrrd.read import read_seg_nrrd

QUICK = ("-o", "out", "--quiet", "--no-preview", "--no-report")


def put_series(folder, **tags):
    write_stack(folder, banded_ct(ras_grid()).voxels, **tags)


def test_a_segmentation_object_holds_the_same_masks(here):
    put_series(here / "series")
    assert main(["segment", "series", *QUICK, "--format", "dicom-seg", "--format", "nifti"]) == 0
    assert "series/segmentation.dcm" in files_in("out")
    dicom, whole = (
        read_dicom_masks("out/series/segmentation.dcm"),
        read_seg_nrrd("out/series/segmentation.seg.nrrd"),
    )
    manifest = json.loads(Path("out/series/manifest.json").read_text())
    assert manifest["dicom"] == {"segmentation.dcm": sorted(whole.present(), key=whole.classes.index)}
    assert manifest["outputs"]["formats"] == ["dicom-seg"]
    for key in dicom.classes:
        assert dicom.mask(key).sum() == whole.mask(key).sum()
        centre = [g.grid.to_world(np.argwhere(g.mask(key)).mean(axis=0)) for g in (dicom, whole)]
        np.testing.assert_allclose(*centre, atol=1e-3)


def test_a_ct_that_is_no_dicom_is_refused_before_inference(here, capsys):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", *QUICK, "--format", "dicom-seg"]) == 2
    assert "ct.nii.gz: was not read from DICOM, to which DICOM outputs refer (give" in capsys.readouterr().err
    assert not Path("out/ct").exists()


def test_one_file_has_no_place_for_dicom(here, capsys):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "seg.nii.gz", "--format", "dicom-seg"]) == 2
    assert "no place for dicom-seg" in capsys.readouterr().err


def test_parametric_maps_need_probabilities(here, capsys):
    put_series(here / "series")
    assert main(["segment", "series", *QUICK, "--format", "dicom-pm"]) == 2
    assert "dicom-pm needs the probabilities" in capsys.readouterr().err


def test_formats_are_added_to_a_finished_case_without_inference(here, monkeypatch):
    put_series(here / "series")
    assert main(["segment", "series", *QUICK]) == 0
    monkeypatch.setattr("omentum.pipeline.segmenter.Segmenter.predict", None)
    assert main(["segment", "series", *QUICK, "--format", "dicom-seg", "--deflate"]) == 0
    file = pydicom.dcmread("out/series/segmentation.dcm")
    assert file.file_meta.TransferSyntaxUID.is_deflated
    assert main(["segment", "series", *QUICK]) == 0
    manifest = json.loads(Path("out/series/manifest.json").read_text())
    assert manifest["outputs"]["formats"] == ["dicom-seg"]
    assert manifest["outputs"]["deflate"] is True


@pytest.mark.parametrize("again", [[], ["--deflate"]])
def test_other_ways_of_writing_dicom_need_overwrite(again, here, capsys):
    put_series(here / "series")
    asked = ["segment", "series", *QUICK, "--format", "dicom-seg"]
    assert main([*asked, "--deidentify"]) == 0
    assert main([*asked, *again]) == 2
    assert "made otherwise (" in capsys.readouterr().err


def test_a_label_map_of_an_organ_and_its_lesion_is_refused_before_inference(here, monkeypatch, capsys):
    put_series(here / "series")
    with monkeypatch.context() as patch:
        patch.setattr("omentum.pipeline.segmenter.Segmenter.predict", None)
        assert main(["segment", "series", *QUICK, "--format", "dicom-labelmap"]) == 2
    told = capsys.readouterr().err
    assert "Liver tumour lies in Liver, which a LABELMAP cannot hold (write dicom-seg" in told
    assert not Path("out/series").exists()
    apart = ["--classes", "liver,left kidney"]
    assert main(["segment", "series", *QUICK, "--format", "dicom-labelmap", *apart]) == 0
    found, whole = read_dicom_masks("out/series/labelmap.dcm"), read_seg_nrrd("out/series/segmentation.seg.nrrd")
    assert {key: int(found.mask(key).sum()) for key in found.classes} == {
        key: int(whole.mask(key).sum()) for key in whole.present()
    }


def test_a_report_that_is_added_refers_to_the_segmentation_of_before(here):
    put_series(here / "series", StudyInstanceUID="1.2.3.4")
    assert main(["segment", "series", *QUICK, "--format", "dicom-seg"]) == 0
    assert main(["segment", "series", *QUICK, "--format", "dicom-sr"]) == 0
    seg, report = (pydicom.dcmread(f"out/series/{name}.dcm") for name in ("segmentation", "measurements"))
    numbers = {str(one.TrackingID): int(one.SegmentNumber) for one in seg.SegmentSequence}
    referred = [
        (str(item.ReferencedSOPInstanceUID), int(item.ReferencedSegmentNumber))
        for element in report.iterall()
        if element.keyword == "ReferencedSOPSequence"
        for item in element.value
        if "ReferencedSegmentNumber" in item
    ]
    assert {uid for uid, _ in referred} == {str(seg.SOPInstanceUID)}
    assert sorted(number for _, number in referred) == sorted(numbers.values())
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert str(seg.SeriesInstanceUID) in {str(one.SeriesInstanceUID) for one in evidence}
