"""Structure sets whose contours are not those of the CT's slices, or that have none to use."""

import numpy as np
import pydicom
import pytest
from asymmetric_series import LAYOUTS, masks_of, points_mm, series_of

from omentum.errors import CaseWarning, GeometryError, InputError
from omentum.io.dicom_masks.read import read_dicom_masks
from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import source_series
from omentum.io.dicom_out.structure_set import write_structure_set
from omentum.volume import Grid


@pytest.fixture
def drawn(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["oblique"])
    masks = masks_of(ct)
    path = tmp_path / "rs.dcm"
    write_structure_set(path, masks, source_series(ct.header, ct.grid), ObjectIdentity(1, "contours"), Producer("1"))
    return ct.grid, masks, path


def with_slices(grid, factor):
    affine = grid.affine.copy()
    affine[:, 2] *= factor
    return Grid((*grid.shape[:2], round(grid.shape[2] / factor)), affine)


def regions(path, change):
    file = pydicom.dcmread(path)
    for number, region in enumerate(file.ROIContourSequence):
        change(number, region)
    file.save_as(path)
    return path


@pytest.mark.parametrize(
    ("factor", "reason"),
    [
        (2, "several planes in one slice: contours are 5 mm apart, slices of the CT 10 mm"),
        (4, "several planes in one slice: contours are 5 mm apart, slices of the CT 20 mm"),
        (0.5, "between its contours empty: contours are 5 mm apart, slices of the CT 2.5 mm"),
    ],
)
def test_slices_of_another_spacing_are_refused(factor, reason, drawn):
    grid, _, path = drawn
    with pytest.raises(GeometryError, match=reason):
        read_dicom_masks(path, with_slices(grid, factor))


def test_a_gap_in_a_region_is_told(drawn):
    grid, masks, path = drawn

    file = pydicom.dcmread(path)
    del file.ROIContourSequence[0].ContourSequence[1]
    file.ManufacturerModelName = "other"
    file.save_as(path)
    with pytest.warns(CaseWarning, match="have slices without a contour between others"):
        found = read_dicom_masks(path, grid)
    assert 0 < found.mask("liver").sum() < masks.mask("liver").sum()


def opened(region):
    for contour in region.ContourSequence:
        contour.ContourGeometricType = "OPEN_PLANAR"


def emptied(region):
    del region.ContourSequence


def moved(region):
    for contour in region.ContourSequence:
        points = np.reshape(contour.ContourData, (-1, 3)) + 300 * np.array(LAYOUTS["oblique"][0][:3])
        contour.ContourData = [f"{value:.3f}" for value in points.ravel()]


@pytest.mark.filterwarnings("ignore:.*outside of the CT")
@pytest.mark.parametrize("change", [opened, emptied, moved])
def test_a_region_without_a_contour_on_the_ct_is_no_empty_truth(change, drawn):
    grid, masks, path = drawn
    regions(path, lambda number, region: change(region) if number == 0 else None)
    with pytest.warns(CaseWarning, match="without a closed contour on the CT, left out") as told:
        found = read_dicom_masks(path, grid)
    assert "liver" not in found.classes
    assert points_mm(found)["spleen"] == points_mm(masks)["spleen"]
    assert any("outside of the CT" in str(one.message) for one in told) == (change is moved)


@pytest.mark.filterwarnings("ignore:.*outside of the CT")
@pytest.mark.parametrize("change", [opened, emptied, moved])
def test_nothing_on_the_ct_is_refused(change, drawn):
    grid, _, path = drawn
    with pytest.raises(InputError, match="has no closed contour on the CT"):
        read_dicom_masks(regions(path, lambda _, region: change(region)), grid)
