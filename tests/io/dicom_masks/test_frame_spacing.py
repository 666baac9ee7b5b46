"""Frames of a segmentation are as far apart as their positions say, whatever thickness or distance is stated."""

import pydicom
import pytest
from asymmetric_series import LAYOUTS, masks_of, points_mm, series_of

from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.segmentation_object import write_segmentation_object
from omentum.io.dicom_out.source import source_series
from omentum.io.segmentations import read_segmentation

LAYOUT = "oblique"
SPACING_MM = LAYOUTS[LAYOUT][1]


def written(folder, keys=("liver", "liver_tumour", "spleen"), **stated):
    """A segmentation whose pixel measures state other lengths than those of the series; None for none."""
    ct = series_of(folder / "ct", *LAYOUTS[LAYOUT])
    masks, path = masks_of(ct).subset(keys), folder / "seg.dcm"
    source = source_series(ct.header, ct.grid)
    write_segmentation_object(path, masks, source, ObjectIdentity(1, "masks"), Producer("1"))
    file = pydicom.dcmread(path)
    (measures,) = file.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    for name in ("SliceThickness", "SpacingBetweenSlices"):
        value = stated.get(name)
        if value is not None:
            setattr(measures, name, value)
        elif name in measures:
            delattr(measures, name)
    file.save_as(path)
    return ct, masks, path


@pytest.mark.parametrize("thickness", [None, SPACING_MM / 4, SPACING_MM / 2, 2 * SPACING_MM])
def test_slice_thickness_does_not_count(tmp_path, thickness):
    ct, masks, path = written(tmp_path, SliceThickness=thickness)
    assert points_mm(read_segmentation(path)) == points_mm(masks)
    assert read_segmentation(path).grid.spacing_mm[2] == pytest.approx(SPACING_MM)
    on_ct = read_segmentation(path, grid=ct.grid)
    assert on_ct.grid.same_as(ct.grid)
    assert points_mm(on_ct) == points_mm(masks)


def test_a_distance_that_is_stated_wrongly_does_not_count_where_the_ct_is_known(tmp_path):
    ct, masks, path = written(tmp_path, SpacingBetweenSlices=SPACING_MM / 2)
    on_ct = read_segmentation(path, grid=ct.grid)
    assert on_ct.grid.same_as(ct.grid)
    assert points_mm(on_ct) == points_mm(masks)


def test_frames_that_are_not_next_to_each_other_lie_on_slices_of_the_ct(tmp_path):
    ct, masks, path = written(tmp_path, ["spleen"], SliceThickness=SPACING_MM)
    on_ct = read_segmentation(path, grid=ct.grid)
    assert on_ct.grid.same_as(ct.grid)
    assert points_mm(on_ct) == points_mm(masks)


@pytest.mark.parametrize("name", ["SliceThickness", "SpacingBetweenSlices"])
def test_frames_of_a_coarser_stack_are_no_slices_of_the_ct(tmp_path, name):
    ct, _, path = written(tmp_path, ["spleen"], **{name: 3 * SPACING_MM})
    assert read_segmentation(path, grid=ct.grid).grid.spacing_mm[2] == pytest.approx(3 * SPACING_MM)


def test_a_single_frame_lies_on_a_slice_of_the_ct(tmp_path):
    ct, masks, path = written(tmp_path, ["liver_tumour"], SliceThickness=SPACING_MM / 2)
    on_ct = read_segmentation(path, grid=ct.grid)
    assert on_ct.grid.same_as(ct.grid)
    assert points_mm(on_ct) == points_mm(masks)
