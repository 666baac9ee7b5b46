"""Slices of a tilted gantry on an upright grid, wherever they are."""

import numpy as np
import pytest

from omentum.io.dicom.tilt import tilt_corrected, tilt_corrected_grid
from omentum.volume import PADDING_HU, Grid


@pytest.mark.parametrize("per_slice", [-1.0, -0.5, -1e-14, 1e-14, 0.2, 1.0, 1 / 3, -5e-7 / 3])
def test_noise_of_positions_loses_no_column(per_slice):
    rng = np.random.default_rng(0)
    voxels = rng.integers(0, 100, (4, 5, 4)).astype(np.float32)
    for _ in range(50):
        affine = np.eye(4)
        affine[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0] * [0.7, 0.9, 2.5]
        affine[:3, 2] += affine[:3, :2] @ (per_slice, -per_slice)
        affine[:3, 3] = rng.uniform(-900, 900, 3)
        tilted = Grid(voxels.shape, affine)
        found = tilt_corrected(voxels, tilted, tilt_corrected_grid(tilted))
        # Interpolation shares every voxel out between its neighbours; air beside the slices weighs nothing.
        weights = [(image - PADDING_HU).sum(axis=(0, 1)) for image in (found, voxels)]
        np.testing.assert_allclose(*weights, rtol=1e-4)
