from __future__ import annotations

import itertools

import numpy as np
import pytest

from omentum.evaluate.metrics.surfels import CODES, CORNERS, surfel_areas

SPACING = (1.0, 1.7, 2.9)


def code_of(corners):
    return sum(1 << (7 - CORNERS.index(tuple(corner))) for corner in corners)


def corners_of(code):
    return [corner for corner in CORNERS if code >> (7 - CORNERS.index(corner)) & 1]


def test_a_surface_along_the_grid_has_the_area_of_a_voxel_face():
    a, b, c = SPACING
    areas = surfel_areas(SPACING)
    for axis, area in ((0, b * c), (1, a * c), (2, a * b)):
        assert areas[code_of([corner for corner in CORNERS if corner[axis] == 0])] == pytest.approx(area)


def test_a_single_corner_is_cut_off_by_a_triangle():
    a, b, c = SPACING
    edges = np.array([[-a / 2, b / 2, 0], [-a / 2, 0, c / 2]])
    assert surfel_areas(SPACING)[code_of([(0, 0, 0)])] == pytest.approx(np.linalg.norm(np.cross(*edges)) / 2)


def test_inside_and_outside_have_no_surface_and_everything_else_has():
    areas = surfel_areas(SPACING)
    assert areas[0] == areas[CODES - 1] == 0
    assert areas[1:-1].min() > 0


@pytest.mark.parametrize("axes", itertools.permutations(range(3)))
@pytest.mark.parametrize("flips", itertools.product((0, 1), repeat=3))
def test_turning_mirroring_and_swapping_sides_changes_no_area(axes, flips):
    areas, turned_areas = surfel_areas(SPACING), surfel_areas([SPACING[a] for a in axes])
    for code in range(CODES):
        turned = code_of(
            [[corner[a] ^ flip for a, flip in zip(axes, flips, strict=True)] for corner in corners_of(code)]
        )
        assert turned_areas[turned] == pytest.approx(areas[code])
        assert turned_areas[CODES - 1 - turned] == pytest.approx(areas[code])


def test_all_codes_agree_with_the_field_s_tool():
    tables = pytest.importorskip("surface_distance.lookup_tables")
    for spacing in (SPACING, (1, 1, 1), (0.7, 0.7, 5.0)):
        theirs = np.asarray(tables.create_table_neighbour_code_to_surface_area(spacing))
        np.testing.assert_allclose(surfel_areas(spacing), theirs, rtol=1e-12)
