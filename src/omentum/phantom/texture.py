"""Random fields: the stuff that tissue texture, noise and smooth deformation are made of."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter

Field = NDArray[np.float32]
Axis = NDArray[np.float64]
Spacing = tuple[float, float, float]


def smooth_field(rng: np.random.Generator, shape: tuple[int, int, int], spacing_mm: Spacing, length_mm: float) -> Field:
    """Gaussian random field with zero mean, unit SD and autocorrelation exp(-(r / length)^2).

    Long correlations are drawn on a coarser lattice and stretched, which costs no more than short ones.

    Args:
        rng: Source of randomness.
        shape: Voxels along i, j, k.
        spacing_mm: Of the grid.
        length_mm: Distance at which the autocorrelation falls to 1/e.
    """
    steps = [max(1.0, length_mm / (3.0 * s)) for s in spacing_mm]
    coarse = [math.ceil((n - 1) / step) + 1 for n, step in zip(shape, steps, strict=True)]
    # White noise through a Gaussian of sigma s has correlation exp(-r^2 / 4 s^2).
    sigma = [length_mm / 2.0 / (s * step) for s, step in zip(spacing_mm, steps, strict=True)]
    field = gaussian_filter(rng.standard_normal(coarse, np.float32), sigma, mode="wrap", truncate=3.0)
    gain = math.prod(_wrapped_gain(n, s) for n, s in zip(coarse, sigma, strict=True))
    return stretch(field / np.float32(gain), shape)


def _wrapped_gain(samples: int, sigma: float) -> float:
    """SD that a unit-variance white line keeps through the (periodic) Gaussian."""
    impulse = np.zeros(samples, np.float64)
    impulse[0] = 1.0
    return float(np.sqrt((gaussian_filter(impulse, sigma, mode="wrap", truncate=3.0) ** 2).sum()))


def stretch(field: Field, shape: tuple[int, int, int]) -> Field:
    """Linear interpolation onto another shape, corner samples on corner samples."""
    i, j, k = (np.linspace(0.0, have - 1.0, want) for have, want in zip(field.shape, shape, strict=True))
    return sample_axes(field, (i, j, k))


def sample_axes(field: Field, positions: tuple[Axis, Axis, Axis]) -> Field:
    """Linear interpolation at the grid points of three axes of (fractional) indices, clamped to the field."""
    for axis, given in enumerate(positions):
        if field.shape[axis] == len(given) and np.array_equal(given, np.arange(len(given))):
            continue
        position = np.clip(given, 0.0, field.shape[axis] - 1.0)
        low = np.minimum(position.astype(np.intp), max(field.shape[axis] - 2, 0))
        high = np.minimum(low + 1, field.shape[axis] - 1)
        weight = (position - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        below = np.take(field, low, axis=axis)
        field = below + weight * (np.take(field, high, axis=axis) - below)
    return field


def kernel_noise(
    rng: np.random.Generator, shape: tuple[int, int, int], spacing_mm: Spacing, psf_mm: float, depth_mm: float
) -> Field:
    """Image noise of filtered back projection, zero mean and unit SD.

    In-plane its power spectrum is |f| MTF(f)^2 (ramp times the reconstruction kernel), along z it is correlated by
    the slice profile.

    Args:
        rng: Source of randomness.
        shape: Voxels along i, j, k.
        spacing_mm: Of the grid.
        psf_mm: In-plane standard deviation of the kernel's point spread: 0.3 sharp, 0.7 soft.
        depth_mm: Full width at half maximum of the slice profile.
    """
    white = rng.standard_normal(shape, np.float32)
    if depth_mm > spacing_mm[2]:
        white = gaussian_filter(white, (0, 0, math.sqrt(depth_mm**2 - spacing_mm[2] ** 2) / 2.355 / spacing_mm[2]))
    frequency = np.hypot(fft.fftfreq(shape[0], spacing_mm[0])[:, None], fft.rfftfreq(shape[1], spacing_mm[1])[None, :])
    # The folded high frequencies of a coarse grid keep its lowest frequencies from vanishing: hence the floor.
    floor = 0.15 / max(spacing_mm[:2])
    amplitude = np.sqrt(frequency + floor) * np.exp(-2.0 * (math.pi * psf_mm * frequency) ** 2)
    spectrum = fft.rfft2(white, axes=(0, 1)) * amplitude[:, :, None].astype(np.float32)
    noise: Field = fft.irfft2(spectrum, s=shape[:2], axes=(0, 1)).astype(np.float32)
    return noise / np.float32(max(float(noise.std()), 1e-6))
