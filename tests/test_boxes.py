"""Boxes: the smallest one, its grid, and going back and forth between boxes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import grids, noise

from omentum.boxes import (
    around,
    around_points,
    bounding_box,
    box_of,
    corner_points,
    cropped_grid,
    relative,
    shifted,
    starts,
    stops,
)


@given(grids(), st.data())
def test_a_crop_keeps_its_place_and_is_undone_by_its_slices(grid, data):
    spans = [sorted(data.draw(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)))) for n in grid.shape]
    box = box_of(tuple(a for a, _ in spans), tuple(b + 1 for _, b in spans))
    voxels = noise(grid)
    part = cropped_grid(grid, box)
    assert voxels[box].shape == part.shape
    np.testing.assert_allclose(part.to_world([0, 0, 0]), grid.to_world(starts(box)), atol=1e-9)
    np.testing.assert_array_equal(part.affine[:3, :3], grid.affine[:3, :3])
    whole = np.zeros_like(voxels)
    whole[box] = voxels[box]
    assert (whole == np.where(whole != 0, voxels, 0)).all()


@given(st.data())
def test_the_bounding_box_is_the_smallest(data):
    shape = data.draw(st.tuples(*[st.integers(1, 6)] * 3))
    foreground = np.zeros(shape, bool)
    for index in data.draw(st.lists(st.tuples(*[st.integers(0, n - 1) for n in shape]), max_size=5)):
        foreground[index] = True
    box = bounding_box(foreground)
    if not foreground.any():
        assert box == box_of((0, 0, 0), shape)
        return
    found = np.argwhere(foreground)
    assert box == box_of(tuple(found.min(axis=0).tolist()), tuple((found.max(axis=0) + 1).tolist()))


def test_a_box_goes_into_another_and_back():
    outer, inner = box_of((2, 3, 4), (9, 9, 9)), box_of((3, 5, 4), (6, 9, 8))
    assert relative(inner, outer) == box_of((1, 2, 0), (4, 6, 4))
    assert shifted(relative(inner, outer), outer) == inner
    assert around([inner, outer]) == outer
    assert (starts(inner), stops(inner)) == ((3, 5, 4), (6, 9, 8))


def test_corner_points_are_the_corner_voxels_and_lead_back_to_the_box():
    box = box_of((1, 2, 3), (4, 4, 9))
    points = corner_points(box)
    assert points.tolist()[0] == [1, 2, 3]
    assert points.tolist()[-1] == [3, 3, 8]
    assert around_points(points, (0, 0, 0), (10, 10, 10)) == box
    assert around_points(points, (1, 1, 1), (4, 10, 10)) == box_of((0, 1, 2), (4, 5, 10))
    assert around_points(points + 50, (1, 1, 1), (10, 10, 10)) is None


def test_points_are_enclosed_with_their_margin_as_far_as_the_image_goes():
    points = np.array([[-3.0, 5.0, 5.5], [4.2, 6.0, 58.0]])
    assert around_points(points, (1, 2, 3), (50, 40, 60)) == box_of((0, 3, 2), (7, 9, 60))
    assert around_points(np.array([[70.0, 5.0, 5.0]]), (1, 1, 1), (50, 40, 60)) is None
