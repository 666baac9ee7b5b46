"""Approximate centreline of a tube on a coarse grid, to be refined with cross-sections.

A shortest path through a graph of grid points, with low cost far from the wall, follows arches and ignores short side
branches.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import edt
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from omentum.components import component_sizes, connected_components
from omentum.measure.diameters import axial_axis
from omentum.volume import Grid

LATTICE_MM = 2.5
"""Spacing of the coarse grid; a third of the radius of a thin aorta."""
SLENDER = 4.0
"""Length in radii from which a tube's bends are followed; shorter ones have no reliable direction."""
END_RADII = 1.5
"""Distance from the ends, in radii, within which the path may still run from a corner to the middle."""
MOST = 95
"""Percentile of a tube's points used for its extent; the rest may be side branches and corners."""
STEP_MM = 1.0

_STEPS = [step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Centreline:
    """Centreline of a tube.

    Args:
        points_mm: RAS+ mm, one millimetre apart, shape (n, 3).
        radius_mm: Approximate radius of the tube.
        fixed_normal: Normal of the cross-sections if the tube is too short to estimate its direction.
    """

    points_mm: Points
    radius_mm: float
    fixed_normal: Points | None = None


def centreline(mask: NDArray[np.bool_], grid: Grid, cut: NDArray[np.bool_]) -> Centreline | None:
    """Compute the centreline of the largest component of a mask.

    Args:
        mask: Bool, shape of `grid`, with a margin of empty voxels on every side where the image continues.
        grid: Grid of the mask's array.
        cut: Bool, shape (3, 2): whether the image ends at the first and last voxel of each array axis.

    Returns:
        The centreline; None for an empty mask.
    """
    filled = np.argwhere(mask)
    if not len(filled):
        return None
    lattice, step, middles = _lattice(filled, grid)
    numbers = connected_components(lattice)
    inside = numbers == 1 + np.argmax(component_sizes(numbers)[1:])
    depth_mm = _depth_mm(inside, np.array(grid.spacing_mm) * step, cut)[inside]
    voxels = np.argwhere(inside)
    points_mm = grid.to_world(middles[inside])
    path = _path(inside, points_mm, depth_mm)
    around_mm = float(np.percentile(cKDTree(points_mm[path]).query(points_mm)[0], MOST))
    if length_mm(points_mm[path]) < SLENDER * max(around_mm, LATTICE_MM):
        return _through_slices(points_mm, voxels, grid, max(around_mm, LATTICE_MM))
    radius_mm = float(np.median(depth_mm[path]))
    line = _middle(evenly(points_mm[path], STEP_MM), radius_mm)
    return Centreline(_extended(line, mask, grid, (END_RADII + 1) * radius_mm), radius_mm)


def _middle(path_mm: Points, radius_mm: float) -> Points:
    """Path without its ends near the corners of the mask, smoothed."""
    trim = min(int(END_RADII * radius_mm / STEP_MM), len(path_mm) // 4)
    return np.asarray(
        gaussian_filter1d(path_mm[trim : len(path_mm) - trim], radius_mm / 3 / STEP_MM, axis=0, mode="nearest")
    )


def _depth_mm(inside: NDArray[np.bool_], steps_mm: Points, cut: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance to the wall in mm; the border of the image is not a wall."""
    margins = [(int(not low), int(not high)) for low, high in cut]
    depth = edt.edt(np.pad(inside, margins), anisotropy=tuple(steps_mm.tolist()))
    own = tuple(slice(low, low + n) for (low, _), n in zip(margins, inside.shape, strict=True))
    # If the mask fills the image there is no wall, and the distance is infinite.
    return np.asarray(np.minimum(depth[own], np.float32(steps_mm @ inside.shape)))


def evenly(line_mm: Points, step_mm: float) -> Points:
    """Resample a polyline at a step of at most `step_mm`, keeping both ends."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line_mm, axis=0), axis=1))])
    at = np.linspace(0, along[-1], int(np.ceil(along[-1] / step_mm)) + 1)
    return np.stack([np.interp(at, along, x) for x in line_mm.T], axis=1)


def _lattice(filled: NDArray[np.intp], grid: Grid) -> tuple[NDArray[np.bool_], Points, Points]:
    """Blocks about `LATTICE_MM` wide along the grid axes: which contain a voxel, their width in voxels, and the means.

    The means, shape (blocks..., 3), are the mean indices of the filled voxels; 0 in empty blocks.
    """
    whole = np.array(grid.shape)
    shape = np.minimum(whole, np.maximum(1, np.round(whole * grid.spacing_mm / LATTICE_MM).astype(int)))
    step = whole / shape
    block = np.ravel_multi_index(tuple(((filled + 0.5) / step).astype(np.intp).T), tuple(shape))
    number = np.bincount(block, minlength=int(shape.prod()))
    sums = [np.bincount(block, along, minlength=len(number)) for along in filled.T]
    means = np.stack(sums, axis=1) / np.maximum(number, 1)[:, None]
    return (number > 0).reshape(shape), step, means.reshape(*shape, 3)


def _path(inside: NDArray[np.bool_], points_mm: Points, depth_mm: NDArray[np.float32]) -> NDArray[np.intp]:
    """Rows of the points along the cheapest path between the two ends."""
    if len(points_mm) < 2:
        return np.zeros(1, np.intp)
    near, far = _neighbours(inside)
    length = np.linalg.norm(points_mm[near] - points_mm[far], axis=1)
    first = int(_distances(near, far, length, 0).argmax())
    last = int(_distances(near, far, length, first).argmax())
    # The square keeps the path near the middle even if the outer side of a bend is 50 % longer.
    cost = length / (0.5 * (depth_mm[near] + depth_mm[far])) ** 2
    graph = coo_array((cost, (near, far)), shape=(len(points_mm),) * 2).tocsr()
    _, before = dijkstra(graph, directed=False, indices=first, return_predecessors=True)
    path = [last]
    while path[-1] != first:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])


def _distances(near: NDArray[np.intp], far: NDArray[np.intp], length: Points, start: int) -> Points:
    n = int(max(near.max(), far.max())) + 1
    graph = coo_array((length, (near, far)), shape=(n, n)).tocsr()
    return np.asarray(dijkstra(graph, directed=False, indices=start))


def _neighbours(inside: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of neighbouring points (26-neighbourhood), as row numbers in C order."""
    number: NDArray[np.intp] = np.full(inside.shape, -1, np.intp)
    number[inside] = np.arange(np.count_nonzero(inside))
    near, far = [], []
    for step in _STEPS:
        spans = list(zip(step, inside.shape, strict=True))
        ahead = number[tuple([slice(max(s, 0), n + min(s, 0)) for s, n in spans])]
        behind = number[tuple([slice(max(-s, 0), n + min(-s, 0)) for s, n in spans])]
        both = (ahead >= 0) & (behind >= 0)
        near.append(ahead[both])
        far.append(behind[both])
    return np.concatenate(near), np.concatenate(far)


def length_mm(line_mm: Points) -> float:
    """Length of a polyline, in mm."""
    return float(np.linalg.norm(np.diff(line_mm, axis=0), axis=1).sum())


def _through_slices(points_mm: Points, voxels: NDArray[np.intp], grid: Grid, radius_mm: float) -> Centreline:
    """Centreline through the centres of axial slices, to be cut along these slices."""
    axis = axial_axis(grid)
    across = np.delete(grid.affine[:3, :3], axis, axis=1).T
    normal = np.cross(*across)
    slices = [points_mm[voxels[:, axis] == k].mean(axis=0) for k in np.unique(voxels[:, axis])]
    line = np.array(slices)
    return Centreline(evenly(line, STEP_MM) if len(line) > 1 else line, radius_mm, normal / np.linalg.norm(normal))


def _extended(line_mm: Points, mask: NDArray[np.bool_], grid: Grid, limit_mm: float) -> Points:
    """Extend the line straight at both ends until it leaves the mask."""
    back = max(1, min(len(line_mm) - 1, int(limit_mm / 2 / STEP_MM)))
    before = _straight_on(line_mm[0], line_mm[0] - line_mm[back], mask, grid, limit_mm)
    after = _straight_on(line_mm[-1], line_mm[-1] - line_mm[-1 - back], mask, grid, limit_mm)
    return np.concatenate([before[::-1], line_mm, after])


def _straight_on(start_mm: Points, direction: Points, mask: NDArray[np.bool_], grid: Grid, limit_mm: float) -> Points:
    ahead = np.arange(1, int(limit_mm / STEP_MM) + 1)[:, None] * STEP_MM * direction / np.linalg.norm(direction)
    points = start_mm + ahead
    back = np.linalg.inv(grid.affine)
    index = np.rint(points @ back[:3, :3].T + back[:3, 3]).astype(np.intp)
    within = ((index >= 0) & (index < mask.shape)).all(axis=1)
    inside = within & mask[tuple(index.clip(0, np.array(mask.shape) - 1).T)]
    return points[: len(inside) if inside.all() else int(inside.argmin())]
