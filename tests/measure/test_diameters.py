import numpy as np
import pytest
from ellipsoids import Ellipsoid, scenes
from hypothesis import given

from omentum.measure.diameters import axial_axis, axial_diameters, extents_mm, face_middles, longest_3d
from omentum.volume import Grid

ORIGIN = (0, 0, 0)
ROUNDING = 1 + 1e-9
"""A voxel whose centre lies on the surface belongs to the body, so an error of a whole voxel does occur."""

AT_WORST = 1.5
"""Voxels: of 6,000 random ellipses the worst was off by 1.36 along and 1.23 across; nearly all are within one."""


def in_plane(grid):
    return max(mm for axis, mm in enumerate(grid.spacing_mm) if axis != axial_axis(grid))


@given(scenes())
def test_axial_diameters_of_ellipsoids_are_right_to_a_voxel_and_a_half(scene):
    body, grid = scene
    found, (longest, shortest) = axial_diameters(body.on(grid), ORIGIN, grid), body.axial_mm(grid)
    assert abs(found.longest.mm - longest) <= in_plane(grid) * AT_WORST
    if longest > 1.3 * shortest:  # of a near circle the long axis may point anywhere
        assert abs(found.perpendicular.mm - shortest) <= in_plane(grid) * AT_WORST
    assert found.perpendicular.mm <= found.longest.mm + 1e-6


@given(scenes())
def test_end_points_are_in_the_slice_at_right_angles_and_as_far_apart_as_said(scene):
    body, grid = scene
    found = axial_diameters(body.on(grid), ORIGIN, grid)
    ends = [np.array(d.ends_mm) for d in (found.longest, found.perpendicular)]
    vectors = [end - start for start, end in ends]
    for d, vector in zip((found.longest, found.perpendicular), vectors, strict=True):
        assert np.linalg.norm(vector) == pytest.approx(d.mm)
    assert vectors[0] @ vectors[1] == pytest.approx(0, abs=1e-6 * found.longest.mm**2)
    index = (np.concatenate(ends) - grid.affine[:3, 3]) @ np.linalg.inv(grid.affine[:3, :3]).T
    np.testing.assert_allclose(index[:, found.axis], found.slice, atol=1e-6)


@given(scenes())
def test_the_longest_axis_in_space_is_right_to_a_voxel(scene):
    body, grid = scene
    found = longest_3d(body.on(grid), ORIGIN, grid)
    assert abs(found.mm - 2 * max(body.half_axes)) <= max(grid.spacing_mm) * ROUNDING
    start, end = np.array(found.ends_mm)
    assert np.linalg.norm(end - start) == pytest.approx(found.mm)


@given(scenes())
def test_extents_along_the_patient_are_those_of_every_voxel_corner(scene):
    body, grid = scene
    mask = body.on(grid)
    corners = np.argwhere(mask)[:, None] + np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T
    np.testing.assert_allclose(extents_mm(mask, grid), np.ptp(grid.to_world(corners).reshape(-1, 3), axis=0))


def test_a_single_voxel_is_as_large_as_it_is():
    grid = Grid((3, 3, 3), np.diag([2.0, 3.0, 5.0, 1.0]))
    mask = np.zeros(grid.shape, bool)
    mask[1, 1, 1] = True
    found = axial_diameters(mask, ORIGIN, grid)
    assert (found.longest.mm, found.perpendicular.mm, found.axis, found.slice) == (3.0, 2.0, 2, 1)
    assert longest_3d(mask, ORIGIN, grid).mm == 5.0


def test_a_bar_of_voxels_is_measured_from_edge_to_edge():
    grid = Grid((9, 9, 9), np.diag([2.0, 3.0, 5.0, 1.0]))
    mask = np.zeros(grid.shape, bool)
    mask[1:8, 4, 4] = True
    found = axial_diameters(mask[1:8, 4:5, 4:5], (1, 4, 4), grid)
    assert found.longest.mm == pytest.approx(14.0)
    assert sorted(found.longest.ends_mm) == [(1.0, 12.0, 20.0), (15.0, 12.0, 20.0)]
    assert found.perpendicular.mm == pytest.approx(3.0)


def test_the_longest_slice_is_found_and_not_the_middle_one():
    grid = Grid((20, 20, 10), np.eye(4))
    mask = np.zeros(grid.shape, bool)
    mask[5:10, 5:10, 1:9] = True
    mask[2:18, 7, 7] = True
    found = axial_diameters(mask, ORIGIN, grid)
    assert found.slice == 7
    assert found.longest.mm == pytest.approx(16.0, abs=0.2)


def test_a_sheared_grid_is_measured_in_the_world():
    affine = np.eye(4)
    affine[0, 1] = 0.5  # rows of the image lean
    grid = Grid((60, 60, 40), affine)
    affine[:3, 3] = -grid.to_world((29.5, 29.5, 19.5))
    grid = Grid(grid.shape, affine)
    found = axial_diameters(Ellipsoid((0, 0, 0), (18, 9, 9)).on(grid), ORIGIN, grid)
    assert found.longest.mm == pytest.approx(36, abs=1)
    assert found.perpendicular.mm == pytest.approx(18, abs=1)


def test_faces_of_a_voxel_are_six_and_of_two_are_ten():
    mask = np.zeros((1, 1, 2), bool)
    mask[0, 0, 0] = True
    assert len(face_middles(mask, (0, 1, 2))) == 6
    mask[0, 0, 1] = True
    assert len(face_middles(mask, (0, 1, 2))) == 10
    assert len(face_middles(mask, (0, 1))) == 8
