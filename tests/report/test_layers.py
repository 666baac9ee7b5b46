from __future__ import annotations

import io

import numpy as np
import pytest
from banded_phantom import ras_grid, rotated, stored
from PIL import Image
from report_case import small_case
from svg_paths import polygons

from omentum.measure.diameters import axial_axis
from omentum.report.layers import SLICES, overview
from omentum.report.pictures import MOST_PIXELS, UNITS_PER_MM
from omentum.report.planes import Plane, array_slice, hung, hung_slice, slice_words
from omentum.segmentation import Segmentation
from omentum.volume import Volume

RAS = ras_grid((2.0, 2.0, 2.0), (170, 110, 90))


def middle(picture, key):
    corners = np.concatenate(polygons(picture.outlines[key]))
    return (corners.min(0) + corners.max(0)) / 2


@pytest.mark.parametrize(
    "grid",
    [RAS, stored(RAS, (2, 0, 1), (True, False, True)), rotated(RAS, 10), stored(RAS, (0, 1, 2), (True, True, False))],
    ids=["straight", "turned", "oblique", "flipped"],
)
def test_pictures_hang_as_radiologists_hang_them(grid):
    case = small_case(grid)
    axial, coronal, sagittal = overview(case.ct, case.seg)
    assert [view.name for view in (axial, coronal, sagittal)] == ["Axial", "Coronal", "Sagittal"]
    for view in (axial, coronal):
        picture = view.pictures[view.first]
        assert middle(picture, "liver")[0] < picture.width / 2 < middle(picture, "spleen")[0]
    # The liver's outline goes round what is bright.
    picture = axial.pictures[axial.first]
    grey = np.asarray(Image.open(io.BytesIO(picture.webp)).convert("L"))
    x, y = middle(picture, "liver") * np.array(grey.shape[::-1]) / (picture.width, picture.height)
    assert grey[round(y), round(x)] > 100 > grey[3, 3]
    assert picture.width == pytest.approx(170 * UNITS_PER_MM, rel=0.25)


def test_the_storage_order_changes_nothing():
    one, other = (small_case(grid) for grid in (RAS, stored(RAS, (1, 2, 0), (False, True, True))))
    assert overview(one.ct, one.seg) == overview(other.ct, other.seg)


def test_slices_are_few_and_reach_from_end_to_end():
    case = small_case(ras_grid((2.0, 2.0, 1.0), (170, 110, 90)))
    for view, most in zip(overview(case.ct, case.seg), SLICES, strict=True):
        assert len(view.planes) == most
        assert view.pictures[0].outlines
        assert view.pictures[-1].outlines
        assert view.planes[view.first].index == sorted(p.index for p in view.planes)[view.first]
        assert [plane.index for plane in view.planes] == sorted(plane.index for plane in view.planes)


def test_large_pictures_are_reduced():
    grid = ras_grid((0.3, 0.6, 30.0), (170, 110, 90))
    case = small_case(grid)
    picture = overview(case.ct, case.seg)[0].pictures[0]
    assert max(Image.open(io.BytesIO(picture.webp)).size) == MOST_PIXELS


def test_a_case_in_which_nothing_was_found_is_shown_too():
    hu = np.full((20, 18, 1), 40.0, np.float32)
    hu[3, 3] = np.nan
    seg = Segmentation(np.zeros((1, 20, 18, 1), np.uint64), np.eye(4), ("liver",))
    axial, _, _ = overview(Volume(hu, np.eye(4)), seg)
    assert len(axial.pictures) == 1
    assert not axial.pictures[0].outlines


GRIDS = [RAS, stored(RAS, (2, 0, 1), (True, False, True)), stored(RAS, (0, 1, 2), (True, True, False))]


@pytest.mark.parametrize("grid", [*GRIDS, rotated(RAS, 10)], ids=["straight", "turned", "flipped", "oblique"])
def test_a_slice_is_named_by_its_index_in_the_file_and_its_place_in_mm(grid):
    case = small_case(grid)
    for plane in (Plane("Axial", 0, 11, "RLAP"), Plane("Coronal", 1, 3, "RLSI"), Plane("Sagittal", 2, 60, "APSI")):
        axis, index = array_slice(grid, plane)
        shown = plane.of(hung(case.ct.voxels, grid))
        of_file = np.take(case.ct.voxels, index, axis)
        assert sorted(shown.ravel()) == sorted(of_file.ravel())
        assert hung_slice(grid, plane.axis, index) == plane.index
        middle = (np.array(grid.shape) - 1) / 2
        middle[axis] = index
        mm = grid.to_world(middle)[2 - plane.axis]
        said = slice_words(grid, axis, index).replace("\N{MINUS SIGN}", "-")
        assert said == f"slice {index} along {'ijk'[axis]}, {'sar'[plane.axis]} = {mm:.1f} mm"


@pytest.mark.parametrize("grid", GRIDS, ids=["straight", "turned", "flipped"])
def test_key_slices_are_among_those_that_can_be_scrolled(grid):
    case = small_case(grid)
    n = grid.shape[axial_axis(grid)]
    wanted = [5, 17, 18, 41, n - 3]
    axial, coronal, _ = overview(case.ct, case.seg, wanted)
    assert {array_slice(grid, plane)[1] for plane in axial.planes} >= set(wanted)
    assert len(axial.planes) <= SLICES[0]
    assert axial.planes[axial.first] in axial.planes
    assert len(overview(case.ct, case.seg, range(n))[0].planes) <= SLICES[0]
    assert coronal == overview(case.ct, case.seg)[1]
