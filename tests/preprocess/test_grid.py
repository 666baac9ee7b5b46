"""Orientation, spacing and crop, each with its exact inverse, on any grid a scanner or program may store."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import grids, noise, spacings

from omentum.axis_order import axis_order
from omentum.boxes import box_of
from omentum.preprocess.grid import Undo, model_grid, nearest_on_model_grid, positions_on
from omentum.spec import PreprocessSpec
from omentum.volume import Grid


@given(grids(), spacings)
def test_the_model_grid_covers_the_ct(grid, spacing_mm):
    spec = PreprocessSpec(spacing_mm=spacing_mm)
    model = model_grid(grid, spec)
    oriented = axis_order(grid).grid(grid)
    assert model.orientation == "RAS"
    assert model.spacing_mm == pytest.approx(spacing_mm)
    np.testing.assert_allclose(model.to_world([0, 0, 0]), oriented.to_world([0, 0, 0]), atol=1e-9)
    last = positions_on(oriented, model)
    for at, n in zip(last, model.shape, strict=True):
        assert abs(at[-1] - (n - 1)) <= 0.5 + 1e-9


@given(grids(), spacings)
def test_positions_say_where_voxels_are(grid, spacing_mm):
    model = model_grid(grid, PreprocessSpec(spacing_mm=spacing_mm))
    oriented = axis_order(grid).grid(grid)
    x, y, z = positions_on(oriented, model)
    corner = [x[-1], y[-1], z[-1]]
    np.testing.assert_allclose(model.to_world(corner), oriented.to_world(np.array(oriented.shape) - 1), atol=1e-6)


@given(grids(), spacings, st.data())
def test_undo_positions_belong_to_the_cropped_grid(grid, spacing_mm, data):
    model = model_grid(grid, PreprocessSpec(spacing_mm=spacing_mm))
    spans = [sorted(data.draw(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)))) for n in model.shape]
    box = box_of(tuple(a for a, _ in spans), tuple(b + 1 for _, b in spans))
    undo = Undo(grid, axis_order(grid), model, box)
    first = [at[0] for at in undo.positions]
    np.testing.assert_allclose(undo.model.to_world(first), undo.oriented.to_world([0, 0, 0]), atol=1e-6)
    assert undo.oriented_view(noise(grid)).shape == undo.oriented.shape


@given(grids())
def test_labels_on_their_own_spacing_are_only_reordered(grid):
    spec = PreprocessSpec(spacing_mm=axis_order(grid).grid(grid).spacing_mm)
    labels = noise(grid)
    np.testing.assert_array_equal(nearest_on_model_grid(labels, grid, spec), axis_order(grid).view(labels))


def test_labels_are_taken_from_the_nearest_voxel_never_mixed():
    labels = np.arange(6, dtype=np.uint64).reshape(1, 6, 1, 1)
    coarse = nearest_on_model_grid(labels, Grid((6, 1, 1), np.eye(4)), PreprocessSpec(spacing_mm=(2.2, 1, 1)))
    assert coarse.ravel().tolist() == [0, 2, 4]
    fine = nearest_on_model_grid(labels, Grid((6, 1, 1), np.eye(4)), PreprocessSpec(spacing_mm=(0.45, 1, 1)))
    assert fine.shape == (1, 12, 1, 1)
    assert fine.ravel().tolist()[:6] == [0, 0, 1, 1, 2, 2]
