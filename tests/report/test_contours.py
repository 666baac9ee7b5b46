from __future__ import annotations

import numpy as np
import pytest
from svg_paths import polygons

from omentum.report.contours import svg_path


def area(corners: np.ndarray) -> float:
    x, y = corners.T.astype(float)
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def disc(shape, centre, radius):
    rows, columns = np.indices(shape)
    return np.hypot(rows - centre[0], columns - centre[1]) <= radius


@pytest.mark.parametrize("finer", [(1, 1), (3, 3), (4, 2)])
def test_an_outline_has_the_area_and_place_of_its_mask(finer):
    mask = disc((60, 80), (20, 50), 12)
    (corners,) = polygons(svg_path(mask, (4.0, 2.0), finer))
    assert abs(area(corners)) == pytest.approx(mask.sum() * 8, rel=0.02)
    # Rows run down the picture; the middle of voxel n is at n + 0.5.
    np.testing.assert_allclose((corners.min(0) + corners.max(0)) / 2, [50.5 * 2, 20.5 * 4], atol=1)


def test_a_hole_stays_a_hole():
    mask = disc((60, 60), (30, 30), 20) & ~disc((60, 60), (30, 30), 8)
    outer, inner = sorted(polygons(svg_path(mask, (2.0, 2.0))), key=lambda c: -abs(area(c)))
    assert abs(area(outer)) - abs(area(inner)) == pytest.approx(mask.sum() * 4, rel=0.03)


def test_a_mask_that_fills_the_picture_is_closed_around_it():
    (corners,) = polygons(svg_path(np.ones((10, 10), bool), (2.0, 2.0)))
    assert abs(area(corners)) == pytest.approx(400, rel=0.05)


def test_one_voxel_is_seen():
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    assert len(polygons(svg_path(mask, (2.0, 2.0)))) == 1
    assert len(polygons(svg_path(mask, (6.0, 6.0), (3, 3)))) == 1


def test_a_straight_side_needs_few_corners():
    mask = np.zeros((200, 200), bool)
    mask[20:180, 20:180] = True
    (corners,) = polygons(svg_path(mask, (2.0, 2.0)))
    assert len(corners) < 40
