"""Midline of the body from the CT alone: along the spine if visible, otherwise between the flanks.

All computations use points in patient space (RAS+ mm), so the result does not depend on storage order, flips, oblique
grids or the position of the body in the array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import theilslopes

from omentum.components import component_sizes, connected_components
from omentum.midline.plane import Midline
from omentum.volume import BODY_HU, Affine, Grid

BONE_HU = 250
"""Threshold exceeded by bone in every contrast phase; enhanced vessels also exceed it but the median is robust."""
SAMPLE_MM = 5.0
"""Spacing of the sampled voxels; organs are much larger."""
BIN_MM = 10.0
NARROWEST_ROW_MM = 60.0
"""Rows of body voxels narrower than this (a breast, the tip of a flank) carry no information on the midline."""
SPINE_REACH_MM = 40.0
"""Search range to both sides of the expected position of the spine: half a vertebra and its processes."""
HALF_BODY_MM = 170.0
"""Half the width of an adult, used when only one flank is in view and the spine is not."""
FLANK_ERROR_MM = 70.0
"""Largest error of that width in slim and in stout patients; the spine is searched within it."""
LONG_ENOUGH_MM = 100.0
"""Minimum range of heights for estimating the slope of the midline."""
STEEPEST = 0.7
FEWEST_ROWS = 0.2
"""Minimum fraction of complete rows for using the flanks."""

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Rows:
    """Left and right end of the body in thin rows (bins of y and z), and whether the image truncates it there."""

    z_bin: NDArray[np.int64]
    left_mm: Points
    right_mm: Points
    cut_left: NDArray[np.bool_]
    cut_right: NDArray[np.bool_]

    @property
    def middle_mm(self) -> Points:
        return (self.left_mm + self.right_mm) / 2


def find_midline(hu: NDArray[Any], affine: Affine) -> Midline | None:
    """Estimate the midline of the body, following the spine where it is visible.

    Args:
        hu: CT, any storage order.
        affine: Voxel index -> RAS+ mm.

    Returns:
        The midline; None if the image shows no body.
    """
    grid = Grid(hu.shape, affine)
    strides = [max(1, round(SAMPLE_MM / mm)) for mm in grid.spacing_mm]
    sample = hu[tuple(slice(None, None, n) for n in strides)]
    body = _largest(ndimage.binary_erosion(sample > BODY_HU, border_value=1))
    if body is None:
        return None
    points = _world(body, strides, grid)
    rows = _rows(points, *_at_edge(body, grid))
    bone = _world(body & (sample > BONE_HU), strides, grid)
    bone = bone[bone[:, 1] < np.median(points[:, 1])]
    guess = _between_flanks(rows, points)
    if guess is not None:
        return _along_spine(bone, guess) or guess
    flank = _from_one_flank(rows, points)
    column = _persistent_bone(bone[np.abs(bone[:, 0] - flank.x_mm) < FLANK_ERROR_MM])
    return (column and _along_spine(bone, column)) or flank


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    labels = connected_components(mask)
    counts = component_sizes(labels)
    if len(counts) < 2:
        return None
    return np.asarray(labels == counts[1:].argmax() + 1)


def _world(mask: NDArray[np.bool_], strides: list[int], grid: Grid) -> Points:
    return grid.to_world(np.argwhere(mask) * strides)


def _at_edge(body: NDArray[np.bool_], grid: Grid) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each body voxel, whether the image ends next to it on its left and on its right."""
    axis, sign = next((a, s) for a, (world, s) in enumerate(grid.axis_directions()) if world == 0)
    index = np.nonzero(body)[axis]
    first, last = index == 0, index == body.shape[axis] - 1
    return (first, last) if sign > 0 else (last, first)


def _rows(points: Points, edge_left: NDArray[np.bool_], edge_right: NDArray[np.bool_]) -> _Rows:
    z_bin, y_bin = (np.floor(points[:, axis] / BIN_MM).astype(np.int64) for axis in (2, 1))
    order = np.lexsort((points[:, 0], y_bin, z_bin))
    z_bin, y_bin = z_bin[order], y_bin[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(z_bin) != 0) | (np.diff(y_bin) != 0)])
    first, last = order[starts], order[np.r_[starts[1:], len(order)] - 1]
    left_mm, right_mm = points[first, 0], points[last, 0]
    wide = right_mm - left_mm >= NARROWEST_ROW_MM
    ends = (left_mm, right_mm, edge_left[first], edge_right[last])
    left_mm, right_mm, cut_left, cut_right = (end[wide] for end in ends)
    return _Rows(z_bin[starts][wide], left_mm, right_mm, cut_left, cut_right)


def _between_flanks(rows: _Rows, points: Points) -> Midline | None:
    """Midline halfway between the flanks, from the median row of each height, robust against one visible arm."""
    complete = ~(rows.cut_left | rows.cut_right)
    if not len(complete):
        return Midline(float(points[:, 0].mean()))
    if complete.mean() < FEWEST_ROWS:
        # A patient truncated on both sides is assumed to be truncated symmetrically.
        complete = rows.cut_left & rows.cut_right
        if complete.mean() < FEWEST_ROWS:
            return None
    return _through(rows.middle_mm[complete], rows.z_bin[complete], "body")


def _along_spine(bone: Points, guess: Midline) -> Midline | None:
    if not len(bone):
        return None
    off = bone[:, 0] - guess.x_mm - guess.slope * (bone[:, 2] - guess.z_mm)
    near = bone[np.abs(off) < SPINE_REACH_MM]
    heights = np.unique(np.floor(bone[:, 2] / BIN_MM))
    z_bin = np.floor(near[:, 2] / BIN_MM).astype(np.int64)
    if len(np.unique(z_bin)) < max(1.0, 0.5 * len(heights)):
        return None
    return _through(near[:, 0], z_bin, "spine")


def _persistent_bone(bone: Points) -> Midline | None:
    """Position of the bone visible at most heights: the spine spans the trunk, ribs and hips do not."""
    if not len(bone):
        return None
    x, y, _ = np.unique(np.floor(bone / BIN_MM).astype(np.int64), axis=0).T
    heights = np.zeros((np.ptp(x) + 1, np.ptp(y) + 1))
    np.add.at(heights, (x - x.min(), y - y.min()), 1)
    # Three bins wide: a vertebra, not a rib.
    summed = ndimage.uniform_filter(heights, 3, mode="constant")
    column = int(np.unravel_index(summed.argmax(), summed.shape)[0])
    return Midline((x.min() + column + 0.5) * BIN_MM)


def _from_one_flank(rows: _Rows, points: Points) -> Midline:
    right_seen = rows.cut_left & ~rows.cut_right
    left_seen = rows.cut_right & ~rows.cut_left
    if right_seen.sum() > left_seen.sum():
        return Midline(float(np.median(rows.right_mm[right_seen])) - HALF_BODY_MM, seen_in="one flank")
    if left_seen.any():
        return Midline(float(np.median(rows.left_mm[left_seen])) + HALF_BODY_MM, seen_in="one flank")
    return Midline(float(points[:, 0].mean()), seen_in="nothing")


def _through(x_mm: Points, z_bin: NDArray[np.int64], seen_in: Literal["spine", "body"]) -> Midline:
    """Line through the median x of each height, robust against outliers."""
    heights, where = np.unique(z_bin, return_inverse=True)
    middles = np.array([np.median(x_mm[where == n]) for n in range(len(heights))])
    z_mm = (heights + 0.5) * BIN_MM
    slope = 0.0
    if np.ptp(z_mm) >= LONG_ENOUGH_MM:
        slope = float(np.clip(theilslopes(middles, z_mm)[0], -STEEPEST, STEEPEST))
    centre = float(z_mm.mean())
    return Midline(float(np.median(middles - slope * (z_mm - centre))), slope, centre, seen_in)
