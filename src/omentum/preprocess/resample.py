"""Linear resampling between axis-aligned grids: one axis at a time, exact for any ratio, in slabs."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.preprocess.grid import Positions

SLAB = 32
"""Output planes made at once; bounds the memory beside input and output."""
ROWS = 8
"""Copied at once."""
_REACH = 4.0
"""Standard deviations at which a Gaussian is truncated."""


def sample_along(values: Tensor, axis: int, positions: NDArray[np.float64]) -> Tensor:
    """Linear interpolation along one axis; the end values are extended beyond the ends.

    Args:
        values: Floating point, any shape.
        axis: Axis index.
        positions: float64 [m], in voxels of that axis.

    Returns:
        The values with length m along `axis`.
    """
    n = values.shape[axis]
    if len(positions) == n and np.array_equal(positions, np.arange(n)):
        return values
    low, high, weight = _neighbours(positions, n)
    shape = [1] * values.ndim
    shape[axis] = -1
    weights = torch.from_numpy(weight).to(values).view(shape)
    first, second = (values.index_select(axis, torch.from_numpy(index).to(values.device)) for index in (low, high))
    return torch.lerp(first, second, weights)


def smooth_and_sample_along(values: Tensor, axis: int, positions: NDArray[np.float64], sigma: float) -> Tensor:
    """Like `sample_along`, after a Gaussian blur along the same axis (renormalised at the ends).

    Args:
        values: Floating point, any shape.
        axis: Axis index.
        positions: float64 [m], in voxels of that axis.
        sigma: Standard deviation of the Gaussian in voxels of that axis; 0 for none.

    Returns:
        The values with length m along `axis`.
    """
    if sigma == 0:
        return sample_along(values, axis, positions)
    weights = torch.from_numpy(_smoothing_weights(values.shape[axis], positions, sigma)).to(values)
    smoothed: Tensor = torch.tensordot(values, weights, dims=([axis], [1]))
    return smoothed.movedim(-1, axis)


def antialias_sigma(ratio: float) -> float:
    """Gaussian sigma that matches a voxel `ratio` times larger; point spreads are Gaussian with the voxel size as FWHM.

    M. J. Cardoso et al., "Scale factor point spread function matching", MICCAI 2015, equation for the variance of the
    difference filter. 0 if the target is not coarser.

    Args:
        ratio: Target spacing / source spacing.

    Returns:
        Standard deviation in source voxels.
    """
    return math.sqrt(max(ratio**2 - 1, 0) / (8 * math.log(2)))


def resample(
    voxels: NDArray[np.generic],
    positions: Positions,
    sigma: tuple[float, float, float] = (0, 0, 0),
    lowest: float = -math.inf,
) -> Tensor:
    """Resample an image slab by slab along its last axis.

    Args:
        voxels: [x, y, z], any real dtype, any strides; never copied as a whole.
        positions: For each output axis, ascending positions in input voxels.
        sigma: Standard deviation of the blur before sampling, in input voxels.
        lowest: Values below are clipped to this before interpolation.

    Returns:
        float32 [x', y', z'].
    """
    out = torch.empty(*(len(p) for p in positions), dtype=torch.float32)
    for start in range(0, out.shape[2], SLAB):
        z = positions[2][start : start + SLAB]
        low, high = _source_range(z, voxels.shape[2], sigma[2])
        slab = torch.from_numpy(_floats(voxels[:, :, low:high])).clamp_(min=lowest)
        for axis, at in enumerate((positions[0], positions[1], z - low)):
            slab = smooth_and_sample_along(slab, axis, at, sigma[axis])
        out[:, :, start : start + SLAB] = slab
    return out


def _floats(voxels: NDArray[np.generic]) -> NDArray[np.float32]:
    """Float32 copy in C order.

    It is made a few rows at a time; otherwise, for an array in Fortran order, most cache lines would be evicted before
    all of their values are used.
    """
    out = np.empty(voxels.shape, np.float32)
    for row in range(0, voxels.shape[1], ROWS):
        out[:, row : row + ROWS] = voxels[:, row : row + ROWS]
    return out


def _neighbours(
    positions: NDArray[np.float64], n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    clamped = np.clip(positions, 0, n - 1)
    low = np.floor(clamped).astype(np.int64)
    return low, np.minimum(low + 1, n - 1), clamped - low


def _smoothing_weights(n: int, positions: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Weight matrix [m, n]: linear interpolation of the Gaussian-filtered axis."""
    distance = np.arange(n)[:, None] - np.arange(n)
    gaussian = np.exp(-0.5 * (distance / sigma) ** 2) * (np.abs(distance) <= math.ceil(_REACH * sigma))
    gaussian /= gaussian.sum(axis=1, keepdims=True)
    low, high, weight = _neighbours(positions, n)
    mixed: NDArray[np.float64] = gaussian[low] * (1 - weight)[:, None] + gaussian[high] * weight[:, None]
    return mixed


def _source_range(positions: NDArray[np.float64], n: int, sigma: float) -> tuple[int, int]:
    """Range of input planes that contribute to these outputs."""
    reach = math.ceil(_REACH * sigma) if sigma else 0
    low, high, _ = _neighbours(positions[[0, -1]], n)
    return max(0, int(low[0]) - reach), min(n, int(high[-1]) + 1 + reach)
