"""Surface distances in mm, each surface element weighted by its area.

The surface of a mask consists of the cubes between eight neighbouring voxel centres that are neither completely inside
nor completely outside (see `surfels`); voxels outside the image are background. The distance of a cube to the other
surface is that to its nearest cube, centre to centre. Values agree with google-deepmind/surface-distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import edt
import numpy as np
from numpy.typing import NDArray

from omentum.evaluate.metrics.overlap import Mask
from omentum.evaluate.metrics.surfels import CODES, surfel_areas

ROBUST_SHARE = 0.95
"""Share of the surface area for HD95."""

ROUNDING_MM = 1e-4
"""Tolerance of distance comparisons: distance transforms are float32."""


@dataclass(frozen=True, eq=False)
class DirectedDistances:
    """Distance from each element of one surface to the nearest of the other.

    Args:
        mm: Distances, float32 [n].
        areas_mm2: Areas of the elements, float64 [n].
    """

    mm: NDArray[np.float32]
    areas_mm2: NDArray[np.float64]

    def area_within(self, tolerance_mm: float) -> float:
        """Area within the tolerance, in mm²."""
        return float(self.areas_mm2[self.mm <= tolerance_mm + ROUNDING_MM].sum())

    def percentile(self, share: float) -> float:
        """Smallest distance within which this share (0..1) of the area lies, in mm."""
        order = np.argsort(self.mm)
        covered = np.cumsum(self.areas_mm2[order])
        # A share reached exactly must not depend on the order of summation.
        position = int(np.searchsorted(covered, share * covered[-1] * (1 - 1e-12)))
        return float(self.mm[order[min(position, len(order) - 1)]])


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances in both directions between the surfaces of two non-empty masks."""

    from_predicted: DirectedDistances
    from_reference: DirectedDistances

    @property
    def hd_mm(self) -> float:
        """Hausdorff distance: the maximum of all distances, in mm."""
        return float(max(way.mm.max() for way in self._ways))

    @property
    def hd95_mm(self) -> float:
        """Larger of the two directed 95th percentiles, in mm (not the percentile of the pooled distances)."""
        return max(way.percentile(ROBUST_SHARE) for way in self._ways)

    @property
    def assd_mm(self) -> float:
        """Average symmetric surface distance: area-weighted mean over both surfaces, in mm."""
        far = sum(float(way.mm @ way.areas_mm2) for way in self._ways)
        return far / self._area_mm2

    def nsd(self, tolerance_mm: float) -> float:
        """Normalised surface Dice: share of the area of both surfaces within the tolerance, 0..1."""
        return sum(way.area_within(tolerance_mm) for way in self._ways) / self._area_mm2

    @property
    def _ways(self) -> tuple[DirectedDistances, DirectedDistances]:
        return self.from_predicted, self.from_reference

    @property
    def _area_mm2(self) -> float:
        return sum(float(way.areas_mm2.sum()) for way in self._ways)


def surface_distances(predicted: Mask, reference: Mask, spacing_mm: Sequence[float]) -> SurfaceDistances:
    """Compute the surface distances of two masks.

    Args:
        predicted: Predicted mask, bool [i, j, k], not empty.
        reference: Reference mask, bool, same shape, not empty.
        spacing_mm: Voxel spacing along the axes, which must be orthogonal.
    """
    areas = surfel_areas(spacing_mm)
    ours, theirs = _Surface.of(predicted, areas), _Surface.of(reference, areas)
    return SurfaceDistances(ours.distances_to(theirs, spacing_mm), theirs.distances_to(ours, spacing_mm))


@dataclass(frozen=True, eq=False)
class _Surface:
    """Cubes that a surface passes through: flat positions, and the area in each."""

    shape: tuple[int, ...]
    cubes: NDArray[np.intp]
    areas_mm2: NDArray[np.float64]

    @classmethod
    def of(cls, mask: Mask, areas_mm2: NDArray[np.float64]) -> _Surface:
        codes = neighbour_codes(mask)
        cubes = np.flatnonzero(_ON_SURFACE[codes])
        return cls(codes.shape, cubes, areas_mm2[codes.ravel()[cubes]])

    def distances_to(self, other: _Surface, spacing_mm: Sequence[float]) -> DirectedDistances:
        elsewhere = np.ones(other.shape, bool)
        elsewhere.ravel()[other.cubes] = False
        mm = edt.edt(elsewhere, anisotropy=tuple(spacing_mm), black_border=False)
        return DirectedDistances(mm.ravel()[self.cubes], self.areas_mm2)


def neighbour_codes(mask: Mask) -> NDArray[np.uint8]:
    """Neighbour code of the cube at each corner between voxels, uint8, one longer per axis than the mask."""
    codes = np.pad(mask.view(np.uint8), 1)
    for axis, bits in ((2, 1), (1, 2), (0, 4)):
        lower, upper = (codes[(slice(None),) * axis + (cut,)] for cut in (slice(None, -1), slice(1, None)))
        codes = (lower << np.uint8(bits)) | upper
    return codes


_ON_SURFACE = np.arange(CODES) % (CODES - 1) != 0
