"""Branching vessels: grown from a root to scattered tips, thinner at every fork, then painted into a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VesselTree:
    """Centreline samples.

    Args:
        points_mm: Positions, shape (n, 3).
        radius_mm: Lumen radius at each, shape (n,).
    """

    points_mm: Points
    radius_mm: NDArray[np.float64]


def grow_tree(
    rng: np.random.Generator,
    root_mm: Points,
    tips_mm: Points,
    root_radius_mm: float,
    tip_radius_mm: float,
    step_mm: float = 5.0,
) -> VesselTree:
    """A tree from the root to every tip, near tips first, each joined where that is short from the root as well.

    Radii follow Murray's law (the cube of the parent's radius is the sum of its children's cubes), scaled so that
    root and tips have the given radii.

    Args:
        rng: Source of randomness (the branches wander a little).
        root_mm: Shape (3,).
        tips_mm: Shape (n, 3).
        root_radius_mm: Radius of the root.
        tip_radius_mm: Radius at a tip.
        step_mm: Distance between centreline nodes.
    """
    nodes, parents, lengths = [np.asarray(root_mm, np.float64)], [-1], [0.0]
    ends = []
    for tip in tips_mm[np.argsort(np.linalg.norm(tips_mm - root_mm, axis=1))]:
        at = int(np.argmin(np.linalg.norm(np.array(nodes) - tip, axis=1) + 0.35 * np.array(lengths)))
        start, span = nodes[at], tip - nodes[at]
        count = max(1, round(float(np.linalg.norm(span)) / step_mm))
        sway = rng.normal(0.0, 0.12 * step_mm * np.sqrt(count), 3)
        for k in range(1, count + 1):
            t = k / count
            nodes.append(start + t * span + np.sin(np.pi * t) * sway)
            parents.append(at)
            lengths.append(lengths[at] + float(np.linalg.norm(nodes[-1] - nodes[at])))
            at = len(nodes) - 1
        ends.append(at)
    load = _tips_downstream(np.array(parents), ends)
    exponent = np.log(root_radius_mm / tip_radius_mm) / max(np.log(load[0]), 1e-6)
    return _sampled(np.array(nodes), np.array(parents), tip_radius_mm * load ** min(exponent, 0.5))


def _tips_downstream(parents: NDArray[np.intp], ends: list[int]) -> NDArray[np.float64]:
    load = np.zeros(len(parents))
    load[ends] += 1.0
    for k in range(len(parents) - 1, 0, -1):  # children always come after their parent
        load[parents[k]] += load[k]
    return np.maximum(load, 1.0)


def _sampled(nodes: Points, parents: NDArray[np.intp], radius: NDArray[np.float64]) -> VesselTree:
    """Five samples on every edge, so that painted balls overlap."""
    child, parent = np.arange(1, len(nodes)), parents[1:]
    share = np.linspace(0.2, 1.0, 5)[:, None, None]
    points = nodes[parent] + share * (nodes[child] - nodes[parent])
    radii = np.broadcast_to(radius[child], (5, len(child)))
    return VesselTree(points.reshape(-1, 3), radii.reshape(-1).copy())


def paint_balls(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], tree: VesselTree
) -> NDArray[np.bool_]:
    """Voxels whose centre lies within the lumen (at least the nearest voxel of every sample).

    Args:
        shape: Of the grid.
        spacing_mm: Of the grid.
        tree: Positions relative to the centre of voxel (0, 0, 0).
    """
    mask = np.zeros(shape, bool)
    spacing = np.array(spacing_mm)
    nearest = np.rint(tree.points_mm / spacing).astype(np.intp)
    # A thin vessel may fall between voxel centres; its nearest voxel keeps the volume right only on average.
    level = np.rint(tree.radius_mm * 2.0).astype(np.intp)
    for size in np.unique(level):
        chosen = level == size
        cells = nearest[chosen][:, None] + _box(size / 2.0, spacing)[None]
        close = (
            np.linalg.norm(cells * spacing - tree.points_mm[chosen][:, None], axis=2) <= tree.radius_mm[chosen][:, None]
        )
        close |= (cells == nearest[chosen][:, None]).all(axis=2)
        close &= ((cells >= 0) & (cells < np.array(shape))).all(axis=2)
        mask[tuple(cells[close].T)] = True
    return mask


def _box(radius_mm: float, spacing: NDArray[np.float64]) -> NDArray[np.intp]:
    reach = np.ceil((radius_mm + 0.25) / spacing).astype(np.intp)
    axes = [np.arange(-r, r + 1) for r in reach]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
