"""Relations between the grids of two scans: same frame of reference, same lattice, overlap."""

from __future__ import annotations

import numpy as np

from omentum.follow_up.shared_organ import is_within
from omentum.volume import Grid

SAME_STEP, SAME_OFFSET = 1e-3, 0.02
"""Tolerances of a common lattice: relative difference of steps, and offset of points as a share of a step."""
PROBES = 16
"""Number of points per axis used to estimate the overlap of fields of view."""


def on_same_lattice(one: Grid, other: Grid) -> bool:
    """Whether both grids are parts of one larger voxel lattice, in any storage order.

    Two scans with the same protocol can share a lattice by chance, so organs are checked if possible.
    """
    to_other = np.linalg.inv(other.affine)
    steps = to_other[:3, :3] @ one.affine[:3, :3]
    whole = np.rint(steps)
    if not (np.abs(whole).sum(axis=0) == 1).all() or np.abs(steps - whole).max() > SAME_STEP:
        return False
    first = to_other[:3, :3] @ one.affine[:3, 3] + to_other[:3, 3]
    return bool(np.abs(first - np.rint(first)).max() <= SAME_OFFSET)


def overlap(one: Grid, other: Grid) -> float:
    """Share of the smaller field of view that the other covers, according to the affines."""
    return max(_share_within(one, other), _share_within(other, one))


def _share_within(one: Grid, other: Grid) -> float:
    axes = [np.linspace(0, n - 1, PROBES) for n in one.shape]
    points = one.to_world(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3))
    return float(is_within(points, other).mean())
