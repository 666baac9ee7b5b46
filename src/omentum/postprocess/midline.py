"""Where the middle of the body lies: what is left and what is right of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omentum.boxes import Box
from omentum.volume import Grid, Volume

BODY_HU = -300.0
"""Denser is body (or couch)."""
BODY_THICKNESS_MM = 40.0
"""What is thinner from front to back is couch, blanket or an arm's edge."""
ROW_STEP_MM, DEPTH_STEP_MM = 5.0, 2.0
"""How densely the scan is looked at from head to foot and from front to back."""
SEEN_ROWS = 0.25
"""Least share of the body's rows that must show both flanks."""
ON_THE_LINE_MM = 1e-3
"""Nearer to the middle than this is neither left nor right."""


@dataclass(frozen=True)
class Midline:
    """The plane between left and right, perpendicular to the world's left-right axis.

    Args:
        x_mm: Its RAS+ x coordinate.
    """

    x_mm: float

    def towards_right_mm(self, grid: Grid, box: Box) -> NDArray[np.float32]:
        """How far to the patient's right of the plane each voxel of a box lies, float32, shape of the box."""
        i, j, k = (grid.affine[0, axis] * np.arange(s.start, s.stop) for axis, s in enumerate(box))
        plane = (i[:, None] + j + (grid.affine[0, 3] - self.x_mm)).astype(np.float32)
        return plane[:, :, None] + k.astype(np.float32)


def find_midline(ct: Volume) -> Midline | None:
    """The middle between the body's flanks.

    None when the scan does not show both flanks with air beside them (a crop, a very large patient): then
    nobody can tell the middle from the picture alone.
    """
    axis_of = {world: axis for axis, (world, _) in enumerate(ct.grid.axis_directions())}
    order = (axis_of[0], axis_of[1], axis_of[2])
    spacing_mm = ct.spacing_mm
    steps = [max(1, round(mm / spacing_mm[axis])) for axis, mm in ((order[1], DEPTH_STEP_MM), (order[2], ROW_STEP_MM))]
    body = ct.voxels.transpose(order)[:, :: steps[0], :: steps[1]] > BODY_HU
    thick = body.sum(axis=1) * (steps[0] * spacing_mm[order[1]]) >= BODY_THICKNESS_MM
    rows = np.flatnonzero(thick.any(axis=0))
    first = thick[:, rows].argmax(axis=0)
    last = len(thick) - 1 - thick[::-1, rows].argmax(axis=0)
    seen = (first > 0) & (last < len(thick) - 1)
    if seen.sum() <= SEEN_ROWS * len(rows):
        return None
    index = np.zeros((int(seen.sum()), 3))
    index[:, order[0]] = (first + last)[seen] / 2
    index[:, order[1]] = _mean_depth(body[:, :, rows[seen]]) * steps[0]
    index[:, order[2]] = rows[seen] * steps[1]
    return Midline(float(np.median(ct.grid.to_world(index)[:, 0])))


def _mean_depth(body: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean index along axis 1 of the true voxels of each row of axis 2."""
    counts = body.sum(axis=0)
    return np.arange(len(counts)) @ counts / counts.sum(axis=0)
