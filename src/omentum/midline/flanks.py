"""The midline of the body halfway between its flanks, for scans that show both with air beside them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omentum.midline.plane import Midline
from omentum.volume import BODY_HU, Volume

BODY_THICKNESS_MM = 40.0
"""Minimum thickness from front to back; anything thinner is couch, blanket or the edge of an arm."""
ROW_STEP_MM, DEPTH_STEP_MM = 5.0, 2.0
"""Sampling steps from head to foot and from front to back."""
SEEN_ROWS = 0.25
"""Minimum fraction of body rows that must show both flanks."""


def find_flank_midline(ct: Volume) -> Midline | None:
    """Estimate the midline halfway between the flanks, perpendicular to the world's left-right axis.

    Args:
        ct: CT volume in HU, any storage order.

    Returns:
        The median over axial rows; None when fewer than `SEEN_ROWS` of the rows show both flanks with air beside them
        (a crop, a very large patient).
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
    return np.asarray(np.arange(len(counts)) @ counts / counts.sum(axis=0))
