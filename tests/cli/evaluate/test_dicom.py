"""DICOM segmentations and structure sets as references and predictions."""

import json

import numpy as np
import pytest
from asymmetric_series import LAYOUTS, masks_of, series_of

from omentum.axis_order import axis_order
from omentum.cli import main
from omentum.io.dicom_out.objects import ObjectSet
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import source_series
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.segmentation import Segmentation


@pytest.fixture
def files(tmp_path, request):
    ct = series_of(tmp_path / "ct", *LAYOUTS[getattr(request, "param", "axial, feet first")])
    seg = masks_of(ct)
    write_seg_nrrd(tmp_path / "whole.seg.nrrd", seg)
    order = axis_order(ct.grid, "PSR")
    turned = {key: np.array(order.view(seg.mask(key))) for key in seg.classes}
    write_seg_nrrd(tmp_path / "turned.seg.nrrd", Segmentation.from_masks(turned, order.grid(ct.grid).affine))
    objects = ObjectSet(tmp_path, seg, source_series(ct.header, ct.grid), Producer("1"))
    objects.write_segmentation("seg.dcm")
    objects.write_structure_set("rs.dcm")
    return tmp_path


def dice(pred, ref):
    out = ref.with_name("scores.json")
    assert main(["evaluate", str(pred), str(ref), "--json-file", str(out)]) == 0
    (case,) = json.loads(out.read_text())["cases"]
    return {key: score["dice"] for key, score in case["structures"].items() if score["dice"] is not None}


@pytest.mark.parametrize(
    ("files", "pred", "ref"),
    [
        ("axial, feet first", "whole.seg.nrrd", "seg.dcm"),
        ("oblique", "whole.seg.nrrd", "rs.dcm"),
        ("decubitus", "seg.dcm", "whole.seg.nrrd"),
        ("axial, feet first", "seg.dcm", "seg.dcm"),
        ("oblique", "turned.seg.nrrd", "seg.dcm"),
        ("sagittal", "seg.dcm", "turned.seg.nrrd"),
    ],
    indirect=["files"],
)
def test_the_same_masks_score_one(pred, ref, files):
    found = dice(files / pred, files / ref)
    assert {key: found[key] for key in ("liver", "liver_tumour", "spleen")} == dict.fromkeys(
        ("liver", "liver_tumour", "spleen"), 1.0
    )


def test_contours_without_a_grid_are_refused(files, capsys):
    assert main(["evaluate", str(files / "seg.dcm"), str(files / "rs.dcm")]) != 0
    assert "holds contours, which say nothing of the voxels of their CT" in capsys.readouterr().err
