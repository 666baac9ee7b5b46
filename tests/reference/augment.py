"""The slow, obvious version of `omentum.data.sampling.augment`: one sample at a time, numpy and scipy."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

AIR_HU = -1024.0


def spread(nodes: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """Values [x, y, z] between evenly spaced nodes [n, n, n] that reach from the first voxel to the last."""
    places = np.meshgrid(*(np.linspace(0, n - 1, s) for n, s in zip(nodes.shape, size, strict=True)), indexing="ij")
    return ndimage.map_coordinates(nodes.astype(float), places, order=1, mode="nearest")


def sampled(
    hu: np.ndarray, labels: np.ndarray, centre: np.ndarray, lattice: np.ndarray, size: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A patch of a whole case: HU, labels, and where each voxel comes from [3, x, y, z]."""
    source = np.stack([spread(lattice[..., axis], size) + centre[axis] for axis in range(3)])
    image = ndimage.map_coordinates(hu.astype(float), source, order=1, mode="grid-constant", cval=AIR_HU)
    nearest = ndimage.map_coordinates(labels, source, order=0, mode="grid-constant", cval=0)
    return image, nearest, source


def blurred(x: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian weights within two voxels, edges repeated."""
    taps = np.exp(-0.5 * (np.arange(-2, 3) / sigma) ** 2)
    taps /= taps.sum()
    x = x.astype(float)
    for axis in range(3):
        x = ndimage.correlate1d(x, taps, axis=axis, mode="nearest")
    return x


def with_bias(hu: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    return hu + spread(nodes, hu.shape)


def coarsened(hu: np.ndarray, factors: tuple[float, float, float]) -> np.ndarray:
    """Fewer and wider voxels along each axis, and back."""
    for axis, factor in enumerate(factors):
        if factor > 1:
            hu = np.apply_along_axis(_there_and_back, axis, hu, max(2, round(hu.shape[axis] / factor)))
    return hu


def _there_and_back(line: np.ndarray, fewer: int) -> np.ndarray:
    """Means over `fewer` equal parts of the line, from its integral, and what lies between them interpolated."""
    size = len(line)
    ends = np.linspace(0, size, fewer + 1)
    integral = np.interp(ends, np.arange(size + 1), np.concatenate([[0], np.cumsum(line)]))
    means = np.diff(integral) * fewer / size
    return np.interp((np.arange(size) + 0.5) * fewer / size - 0.5, np.arange(fewer), means)


def with_contrast(hu: np.ndarray, gain_and_offset: tuple[float, float]) -> np.ndarray:
    gain, offset = gain_and_offset
    return (hu - 40) * gain + 40 + offset


def bent(hu: np.ndarray, gamma: float) -> np.ndarray:
    part = np.clip((hu + 200) / 500, 0, 1)
    return hu + (part**gamma - part) * 500


def with_shifts(hu: np.ndarray, bits: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Each class's own grey shift, at edges as soft as sigma 0.5."""
    shift = np.zeros(hu.shape)
    for k, by in enumerate(shifts):
        shift[bits >> k & 1 != 0] += by
    return hu + blurred(shift, 0.5)


def slab_of(hu: np.ndarray, bits: np.ndarray, start: int, keep: int) -> tuple[np.ndarray, np.ndarray]:
    """Only `keep` axial slices were scanned."""
    outside = np.ones(hu.shape[2], bool)
    outside[start : start + keep] = False
    return np.where(outside, AIR_HU, hu), np.where(outside, 0, bits)


def windowed(hu: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip((hu - low) / (high - low), 0, 1)
