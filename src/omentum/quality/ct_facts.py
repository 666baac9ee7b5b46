"""Properties of a CT, independent of the segmentation: body position, truncation, air, noise, metal."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from omentum.measure.diameters import axial_axis
from omentum.midline.centroid import centroid_mm
from omentum.quality.limits import CtLimits
from omentum.volume import Volume

LOOKED_AT = 64
"""Number of axial planes, evenly spaced, sampled for noise and air."""
SOFT_HU = (-300, 400)
"""HU range of neighbours used for noise: fat and soft tissue, plus a margin for the noise itself."""
AIR_SEARCH_HU = (-1500, -700)
"""HU range of air: padding is below, lung and fat are above."""
LEAST_AIR = 0.001
"""Minimum share of air voxels needed to check the HU scale."""
MEDIAN_TO_SD = 1 / (0.6745 * np.sqrt(2))
"""Factor from the median absolute difference of two voxels to the SD of one, for normal noise."""


@dataclass(frozen=True)
class CtFacts:
    """Properties of one CT; None if the image does not show them.

    Args:
        middle_mm: x of the body's centroid in mm, growing to the patient's right.
        cut_share: Share of body voxels at the left, right, front and back borders of the image.
        air_hu: Mode of the HU of air.
        noise_hu: Standard deviation of the noise in fat and soft tissue, in HU.
        metal_ml: Volume of voxels above the metal threshold.
        slice_mm: Spacing of the axial slices.
    """

    middle_mm: float | None
    cut_share: float
    air_hu: float | None
    noise_hu: float | None
    metal_ml: float
    slice_mm: float


def ct_facts(ct: Volume, limits: CtLimits) -> CtFacts:
    """Compute the properties of a CT."""
    axis = axial_axis(ct.grid)
    planes = np.moveaxis(ct.voxels, axis, 0)[:: -(-ct.shape[axis] // LOOKED_AT)]
    centre_mm = centroid_mm(_body_counts(ct, limits.body_hu), ct.grid)
    metal = sum(int(np.count_nonzero(part > limits.metal_hu)) for part in _as_they_lie(ct)[0])
    return CtFacts(
        middle_mm=None if centre_mm is None else float(centre_mm[0]),
        cut_share=_cut_share(ct, axis, limits.body_hu),
        air_hu=_air(planes),
        noise_hu=_noise(planes),
        metal_ml=metal * ct.grid.voxel_volume_ml,
        slice_mm=ct.spacing_mm[axis],
    )


def _as_they_lie(ct: Volume) -> tuple[NDArray[np.generic], tuple[int, ...]]:
    """View of the voxels with the slowest memory axis first, and the axis order."""
    order = tuple(int(axis) for axis in np.argsort(np.abs(ct.voxels.strides))[::-1])
    return ct.voxels.transpose(order), order


def _body_counts(ct: Volume, body_hu: float) -> list[NDArray[np.int64]]:
    """Body voxels by index along each axis; computed plane by plane to avoid a mask of the whole CT."""
    planes, order = _as_they_lie(ct)
    counts = [np.zeros(n, np.int64) for n in planes.shape]
    for n, plane in enumerate(planes):
        body = plane > body_hu
        along = np.count_nonzero(body, axis=1)
        counts[0][n] = along.sum()
        counts[1] += along
        counts[2] += np.count_nonzero(body, axis=0)
    return [counts[order.index(axis)] for axis in range(3)]


def _cut_share(ct: Volume, axial: int, body_hu: float) -> float:
    faces = [np.moveaxis(ct.voxels, a, 0)[end] > body_hu for a in range(3) if a != axial for end in (0, -1)]
    return float(sum(np.count_nonzero(face) for face in faces) / sum(face.size for face in faces))


def _air(planes: NDArray[np.generic]) -> float | None:
    low, high = AIR_SEARCH_HU
    found = np.zeros(high - low, np.int64)
    for plane in planes:
        values = plane[(plane > low) & (plane < high)]
        found += np.bincount(np.rint(values).astype(np.int64) - low, minlength=high - low)[: high - low]
    return float(low + found.argmax()) if found.sum() > LEAST_AIR * planes.size else None


def _noise(planes: NDArray[np.generic]) -> float | None:
    low, high = SOFT_HU
    steps = np.zeros(high - low + 1, np.int64)
    for plane in planes:
        soft = np.where((plane > low) & (plane < high), np.nan_to_num(plane), np.nan).astype(np.float32)
        for axis in (0, 1):
            differences = np.abs(np.diff(soft, axis=axis))
            steps += np.bincount(
                np.rint(differences[np.isfinite(differences)]).astype(np.int64), minlength=high - low + 1
            )
    return _median_of_histogram(steps) * float(MEDIAN_TO_SD) if steps.sum() else None


def _median_of_histogram(counts: NDArray[np.int64]) -> float:
    """Median of a histogram, interpolated within its bin."""
    edges = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    for n, (before, after) in enumerate(pairwise(edges)):
        if after >= 0.5:
            return max(0.0, n - 0.5 + float((0.5 - before) / (after - before)))
    raise AssertionError("a histogram with counts has a median")
