"""Plane cross-sections of a mask, perpendicular to a direction, measured in mm on any grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from omentum.volume import Grid

Points = NDArray[np.float64]

WINDOWS = 3
"""Maximum number of windows per section, each twice as wide as the last, until the section fits."""

NEAR_END = 2.0
"""Maximum distance in voxels between the end of the image and the end of a truncated line."""
SMOOTH_VOXELS = 0.7
"""Standard deviation of the smoothing that removes voxel steps, which would increase the largest diameter."""


@dataclass(frozen=True)
class CrossSection:
    """Connected component of a cross-section nearest to its centre.

    Args:
        centre_mm: Centroid, RAS+ mm.
        equivalent_mm: Diameter of the circle of equal area.
        largest_mm: Largest diameter.
        complete: Whether it lies completely within the image.
    """

    centre_mm: Points
    equivalent_mm: float
    largest_mm: float
    complete: bool


@dataclass(frozen=True, eq=False)
class SectionSampler:
    """Samples cross-sections of a mask.

    Args:
        mask: Bool, shape of `grid`, with a margin of empty voxels on every side where the image continues.
        grid: Grid of the mask's array.
        cut: Bool, shape (3, 2): whether the image ends at the first and last voxel of each array axis.
    """

    mask: NDArray[np.bool_]
    grid: Grid
    cut: NDArray[np.bool_]

    def section(self, centre_mm: Points, normal: Points, half_width_mm: float, samples: int) -> CrossSection | None:
        """Measure the section through a point; None if the mask does not intersect it.

        Args:
            centre_mm: RAS+ mm; the component nearest to it is measured.
            normal: Unit normal of the section.
            half_width_mm: Half the width of the initial sampling window.
            samples: Samples along an edge of the window, odd.
        """
        for last in (*[False] * (WINDOWS - 1), True):
            plane = centre_mm + _plane(normal, half_width_mm, samples)
            step_mm = 2 * half_width_mm / (samples - 1)
            share, outside = self._sampled(plane, step_mm)
            piece = _piece_at_the_middle((share >= 0.5) & ~outside)
            if piece is None:
                return None
            open_ended = _touches_edge(piece)
            if last or not open_ended:
                complete = not (open_ended or (ndimage.binary_dilation(piece) & outside).any())
                return _measured(piece, share, plane, step_mm, complete)
            half_width_mm *= 2
        return None

    def at_image_end(self, point_mm: Points) -> bool:
        """Whether a point is within two voxels of the end of the image."""
        low = self._index(point_mm)
        high = np.array(self.mask.shape) - 1 - low
        return bool((np.stack([low, high], axis=1)[self.cut] <= NEAR_END).any())

    def _index(self, points_mm: Points) -> Points:
        back = np.linalg.inv(self.grid.affine)
        return np.asarray(points_mm @ back[:3, :3].T + back[:3, 3])

    def _sampled(self, points_mm: Points, step_mm: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Mask interpolated at points (0.5 at its surface), and which points are outside the image."""
        index = np.moveaxis(self._index(points_mm), -1, 0)
        beyond = np.zeros(index.shape[1:], bool)
        for at, n, (low, high) in zip(index, self.mask.shape, self.cut, strict=True):
            beyond |= ((at < -0.5) & low) | ((at > n - 0.5) & high)
        share = ndimage.map_coordinates(self.mask.view(np.uint8), index, np.float32, order=1, mode="nearest")
        smooth = SMOOTH_VOXELS * (1000 * self.grid.voxel_volume_ml) ** (1 / 3) / step_mm
        return ndimage.gaussian_filter(share, smooth, mode="nearest"), beyond


def _plane(normal: Points, half_width_mm: float, samples: int) -> Points:
    """Points of a square perpendicular to a direction, centred at the origin, shape (samples, samples, 3)."""
    first = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    first /= np.linalg.norm(first)
    at = np.linspace(-half_width_mm, half_width_mm, samples)
    return at[:, None, None] * first + at[None, :, None] * np.cross(normal, first)


def _piece_at_the_middle(inside: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    pieces, number = ndimage.label(inside)
    if not number:
        return None
    middle = len(inside) // 2
    label = pieces[middle, middle]
    if not label:
        points = np.argwhere(inside)
        label = pieces[tuple(points[((points - middle) ** 2).sum(axis=1).argmin()])]
    piece: NDArray[np.bool_] = pieces == label
    return piece


def _touches_edge(piece: NDArray[np.bool_]) -> bool:
    return bool(piece[[0, -1]].any() or piece[:, [0, -1]].any())


def _measured(
    piece: NDArray[np.bool_], share: NDArray[np.float32], points_mm: Points, step_mm: float, complete: bool
) -> CrossSection:
    outline = np.concatenate([_crossings(piece, share), _crossings(piece.T, share.T)[:, ::-1]])
    hull = outline[ConvexHull(outline, qhull_options="QJ").vertices]
    area_mm2 = np.count_nonzero(piece) * step_mm**2
    equivalent_mm = float(2 * np.sqrt(area_mm2 / np.pi))
    # The area cannot exceed that of a circle with the largest diameter; tiny sections violate this by sampling.
    largest_mm = max(float(pdist(hull).max()) * step_mm, equivalent_mm)
    return CrossSection(points_mm[piece].mean(axis=0), equivalent_mm, largest_mm, complete)


def _crossings(piece: NDArray[np.bool_], share: NDArray[np.float32]) -> Points:
    """Intersections of the outline with the columns of samples, interpolated, shape (n, 2)."""
    padded, level = np.pad(piece, 1), np.pad(share, 1)
    at = np.argwhere(padded[1:] != padded[:-1])
    a, b = level[:-1][tuple(at.T)], level[1:][tuple(at.T)]
    part = np.divide(0.5 - a, b - a, out=np.full(len(a), 0.5, np.float32), where=a != b).clip(0, 1)
    return np.asarray(at + np.stack([part, np.zeros_like(part)], axis=1))
