"""Centres of gravity from counts along the axes."""

import numpy as np
import pytest
from banded_phantom import rotated

from omentum.midline.centroid import centroid_mm
from omentum.volume import Grid


@pytest.mark.parametrize("oblique", [False, True])
def test_the_counts_give_the_mean_of_the_voxels(oblique):
    rng = np.random.default_rng(0)
    mask = rng.random((7, 6, 5)) > 0.6
    grid = Grid(mask.shape, np.diag([-2.0, 3.0, 5.0, 1.0]))
    grid = rotated(grid, 12) if oblique else grid
    counts = [mask.sum(axis=tuple({0, 1, 2} - {axis})) for axis in range(3)]
    expected = grid.to_world(np.argwhere(mask)).mean(axis=0)
    np.testing.assert_allclose(centroid_mm(counts, grid), expected)


def test_an_empty_mask_has_none():
    assert centroid_mm([np.zeros(3, int)] * 3, Grid((3, 3, 3), np.eye(4))) is None
