"""Lengths of a mask in mm, edge to edge, valid on oblique and anisotropic grids.

The outline runs through the centres of the voxel faces between mask and background. Through voxel centres every length
would be one voxel short; through voxel corners, oblique lengths would be too long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from omentum.volume import Grid

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Diameter:
    """Straight line through a lesion.

    Args:
        mm: Length.
        ends_mm: End points, RAS+ mm.
    """

    mm: float
    ends_mm: tuple[Point, Point]


@dataclass(frozen=True)
class AxialDiameters:
    """The two diameters used by RECIST and WHO, both in one slice.

    Args:
        longest: Longest diameter in any axial slice of the image.
        perpendicular: Longest chord, perpendicular to it, of the convex outline in the same slice.
        axis, slice: Array axis perpendicular to the axial slices, and index of the slice.
    """

    longest: Diameter
    perpendicular: Diameter
    axis: int
    slice: int


def face_middles(mask: Mask, axes: tuple[int, ...]) -> Points:
    """Centres of the voxel faces between mask and background, across the given array axes.

    Args:
        mask: Bool; outside the array is background.
        axes: Array axes; all three give the surface, two the outlines of the slices.

    Returns:
        Voxel coordinates, shape (n, number of axes of the mask).
    """
    padded = np.pad(mask, 1)
    found = []
    for axis in axes:
        at = np.argwhere(np.diff(padded.view(np.int8), axis=axis) != 0) - 1.0
        at[:, axis] += 0.5
        found.append(at)
    return np.concatenate(found)


def axial_axis(grid: Grid) -> int:
    """The array axis perpendicular to the axial slices."""
    return next(axis for axis, (world, _) in enumerate(grid.axis_directions()) if world == 2)


def axial_diameters(mask: Mask, origin: tuple[int, ...], grid: Grid) -> AxialDiameters:
    """Longest diameter in an axial slice, and the longest diameter perpendicular to it there.

    Axial slices are image planes: those nearest to the axial plane of the patient, as displayed in a viewer.

    Args:
        mask: Not empty.
        origin: Image voxel at index 0 of the mask's array.
        grid: Grid of the image.
    """
    axis = axial_axis(grid)
    a, b = (n for n in range(3) if n != axis)
    points = face_middles(mask, (a, b)) + origin
    points = points[np.argsort(points[:, axis], kind="stable")]
    starts = np.flatnonzero(np.diff(points[:, axis], prepend=-1.0))
    outlines = [_hull(grid.to_world(slice_points)) for slice_points in np.split(points, starts[1:])]
    longest = [_farthest(outline) for outline in outlines]
    # Among slices with equal diameters take the one with most voxels, then the uppermost, independent of storage order.
    fullness = np.diff(starts, append=len(points))
    height = [outline[:, 2].mean() for outline in outlines]
    ranks = [(round(d.mm, 6), n, round(z, 6)) for d, n, z in zip(longest, fullness, height, strict=True)]
    best = max(range(len(ranks)), key=ranks.__getitem__)
    perpendicular = _widest_across(outlines[best], longest[best])
    return AxialDiameters(longest[best], perpendicular, axis, int(points[starts[best], axis]))


def longest_3d(mask: Mask, origin: tuple[int, ...], grid: Grid) -> Diameter:
    """Longest straight line between two points of the surface of a mask; arguments as for `axial_diameters`."""
    points = grid.to_world(face_middles(mask, (0, 1, 2)) + origin)
    return _farthest(points[ConvexHull(points).vertices])


def extents_mm(mask: Mask, grid: Grid) -> Point:
    """Extent of a mask along the right-left, anterior-posterior and superior-inferior axes of the patient, in mm.

    Args:
        mask: Not empty.
        grid: Only its spacing and directions are used, not its shape.
    """
    # A linear function is extreme at the end of a row, so only the ends of rows are needed.
    i, j = np.nonzero(mask.any(axis=2))
    rows = mask[i, j]
    ends = (rows.argmax(axis=1), rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1))
    directions = grid.affine[:3, :3]
    world = np.stack([np.stack([i, j, k], axis=1) @ directions.T for k in ends])
    r, a, s = np.ptp(world.reshape(-1, 3), axis=0) + np.abs(directions).sum(axis=1)
    return float(r), float(a), float(s)


def _hull(world_mm: Points) -> Points:
    """Vertices of the convex hull of coplanar points, in order, in world mm."""
    flat = (world_mm - world_mm[0]) @ _plane_axes(world_mm).T
    return np.asarray(world_mm[ConvexHull(flat).vertices])


def _plane_axes(world_mm: Points) -> Points:
    """Two orthonormal directions of the plane of the points, shape (2, 3)."""
    return np.linalg.svd(world_mm - world_mm.mean(axis=0), full_matrices=False)[2][:2]


def _farthest(points_mm: Points) -> Diameter:
    """The two points farthest apart, by comparing all pairs (a hull has few points)."""
    best, pair = -1.0, (0, 0)
    for n, point in enumerate(points_mm):
        squares = ((points_mm[n:] - point) ** 2).sum(axis=1)
        m = int(squares.argmax())
        if squares[m] > best:
            best, pair = float(squares[m]), (n, n + m)
    return _between(points_mm[pair[0]], points_mm[pair[1]])


def _widest_across(outline_mm: Points, longest: Diameter) -> Diameter:
    """The longest chord of a convex outline perpendicular to one of its diameters."""
    start, end = np.array(longest.ends_mm)
    along = (end - start) / longest.mm
    first, second = _plane_axes(outline_mm)
    across = first - (first @ along) * along
    if np.linalg.norm(across) < 0.5:
        across = second - (second @ along) * along
    across /= np.linalg.norm(across)
    t, s = (outline_mm - start) @ along, (outline_mm - start) @ across
    # Chord length is piecewise linear between the vertices of a convex outline, so its maximum is at a vertex.
    upper, lower = (_side_of_outline(t, s, sign) for sign in (1, -1))
    chords = upper - lower
    n = int(chords.argmax())
    at = start + t[n] * along
    return _between(at + lower[n] * across, at + upper[n] * across)


def _side_of_outline(t: NDArray[np.float64], s: NDArray[np.float64], sign: int) -> NDArray[np.float64]:
    """Largest (sign 1) or smallest (sign -1) s of the outline at the t of each vertex."""
    (first, last) = (int(t.argmin()), int(t.argmax()))
    n = len(t)
    one = (first + np.arange((last - first) % n + 1)) % n
    other = (last + np.arange((first - last) % n + 1))[::-1] % n
    sides = [np.interp(t, t[chain], s[chain]) for chain in (one, other)]
    return np.maximum(*sides) if sign > 0 else np.minimum(*sides)


def _between(start: Points, end: Points) -> Diameter:
    (a, b, c), (d, e, f) = start.tolist(), end.tolist()
    return Diameter(float(np.linalg.norm(end - start)), ((a, b, c), (d, e, f)))
