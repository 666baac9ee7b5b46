"""Distances between two surfaces in mm, each surface element weighted with its area.

The surface of a mask is made of the cubes between eight neighbouring voxel centres that are neither wholly inside nor
wholly outside (see `surfels`); outside the image is outside the mask. A cube's distance to the other surface is that
to the nearest cube of it, centre to centre. Values agree with google-deepmind/surface-distance.
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
    """From each element of one surface to the nearest of another.

    Args:
        mm: float32 [n].
        areas_mm2: float64 [n].
    """

    mm: NDArray[np.float32]
    areas_mm2: NDArray[np.float64]

    def area_within(self, tolerance_mm: float) -> float:
        """Area that lies no further than the tolerance, in mm²."""
        return float(self.areas_mm2[self.mm <= tolerance_mm + ROUNDING_MM].sum())

    def percentile(self, share: float) -> float:
        """Least distance within which this share of the area lies."""
        order = np.argsort(self.mm)
        covered = np.cumsum(self.areas_mm2[order])
        # A share reached exactly must not depend on the order in which areas were added up.
        position = int(np.searchsorted(covered, share * covered[-1] * (1 - 1e-12)))
        return float(self.mm[order[min(position, len(order) - 1)]])


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Both ways between the surfaces of two masks that both have voxels."""

    from_predicted: DirectedDistances
    from_reference: DirectedDistances

    @property
    def hd_mm(self) -> float:
        """Hausdorff distance: the largest of all distances."""
        return float(max(way.mm.max() for way in self._ways))

    @property
    def hd95_mm(self) -> float:
        """The larger of the two directed 95th percentiles (not the percentile of all distances pooled)."""
        return max(way.percentile(ROBUST_SHARE) for way in self._ways)

    @property
    def assd_mm(self) -> float:
        """Average symmetric surface distance: the mean over the area of both surfaces together."""
        far = sum(float(way.mm @ way.areas_mm2) for way in self._ways)
        return far / self._area_mm2

    def nsd(self, tolerance_mm: float) -> float:
        """Normalised surface Dice: share of the area of both surfaces within the tolerance of the other."""
        return sum(way.area_within(tolerance_mm) for way in self._ways) / self._area_mm2

    @property
    def _ways(self) -> tuple[DirectedDistances, DirectedDistances]:
        return self.from_predicted, self.from_reference

    @property
    def _area_mm2(self) -> float:
        return sum(float(way.areas_mm2.sum()) for way in self._ways)


def surface_distances(predicted: Mask, reference: Mask, spacing_mm: Sequence[float]) -> SurfaceDistances:
    """Measure two masks against one another.

    Args:
        predicted: Mask of the prediction, boolean.
        reference: Mask of the reference, of the same shape.
        spacing_mm: Voxel spacing along the axes, which stand at right angles.
    """
    areas = surfel_areas(spacing_mm)
    ours, theirs = _Surface.of(predicted, areas), _Surface.of(reference, areas)
    return SurfaceDistances(ours.distances_to(theirs, spacing_mm), theirs.distances_to(ours, spacing_mm))


@dataclass(frozen=True, eq=False)
class _Surface:
    """The cubes that a surface passes through: flat positions among all cubes, and the area in each."""

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
    """The code of the cube at each corner between voxels, uint8 with one more along each axis than the mask."""
    codes = np.pad(mask.view(np.uint8), 1)
    for axis, bits in ((2, 1), (1, 2), (0, 4)):
        lower, upper = (codes[(slice(None),) * axis + (cut,)] for cut in (slice(None, -1), slice(1, None)))
        codes = (lower << np.uint8(bits)) | upper
    return codes


_ON_SURFACE = np.arange(CODES) % (CODES - 1) != 0
