from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from banded_phantom import ras_grid, rotated, stored
from omentum.report.layers import SLICES, overview
from omentum.report.pictures import MOST_PIXELS, UNITS_PER_MM
from omentum.segmentation import Segmentation
from omentum.volume import Volume
from report_case import small_case
from svg_paths import polygons

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
        assert list(view.offsets_mm) == sorted(view.offsets_mm)


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
