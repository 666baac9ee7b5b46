"""Two DICOM series of one patient with DICOM segmentations, compared."""

import csv

import numpy as np
import pytest
from asymmetric_series import LAYOUTS, series_of
from ellipsoids import Ellipsoid
from two_scans import FIELD_MM, motion, scan

from omentum.cli import main
from omentum.io.dicom_out.objects import ObjectSet
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import source_series
from omentum.volume import Grid

SPACING_MM = 4.0
SIZES = {"axial, feet first": (58, 38, 44), "oblique": (58, 44, 38)}
"""Columns, rows and slices that cover the body."""


def segmented(folder, layout, radius_mm):
    """A segmentation object of a patient with one tumour; the middle of the body is that of the series."""
    ct = series_of(folder / "ct", LAYOUTS[layout][0], SPACING_MM, shape=SIZES[layout], PixelSpacing=[SPACING_MM] * 2)
    shift = ct.grid.to_world((np.array(ct.shape) - 1) / 2) - np.mean(FIELD_MM, axis=0)
    body = Grid(ct.shape, motion(shift_mm=-shift) @ ct.affine)
    tumour = Ellipsoid((60, 10, 20), (radius_mm,) * 3)
    seg = scan({"liver_tumour": [tumour]}, body, motion(shift_mm=shift))
    ObjectSet(folder, seg, source_series(ct.header, ct.grid), Producer("1")).write_segmentation("seg.dcm")
    return folder / "seg.dcm"


def test_a_lesion_is_found_again_in_an_oblique_series(tmp_path, capsys):
    before = segmented(tmp_path / "before", "axial, feet first", 12)
    after = segmented(tmp_path / "after", "oblique", 20)
    assert main(["lesions", "compare", str(before), str(after), "--csv", str(tmp_path / "f.csv")]) == 0
    (row,) = csv.DictReader((tmp_path / "f.csv").read_text().splitlines())
    assert (row["key"], row["status"]) == ("liver_tumour", "same")
    assert float(row["longest_change_mm"]) == pytest.approx(16, abs=5)
    assert "aligned by 5 organs" in capsys.readouterr().out
