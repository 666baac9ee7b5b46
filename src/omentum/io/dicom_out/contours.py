"""Outlines of a mask in a slice as closed contours without holes.

An outline runs half-way between the centres of pixels inside and outside, so that a pixel is inside exactly if its
centre is inside the contour. Structure sets know no holes: each hole is joined to the outline around it by a channel
of no width that is run through in both directions (a keyhole).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def outlines(mask: NDArray[np.bool_]) -> list[Points]:
    """Closed contours of a mask; every connected part is one, holes included.

    Args:
        mask: [column, row].

    Returns:
        Contours as (column, row) of their corners, shape (n, 2) with n >= 3; the first point is not repeated.
    """
    from contourpy import FillType, contour_generator

    columns, rows = np.arange(-1, mask.shape[0] + 1), np.arange(-1, mask.shape[1] + 1)
    padded = np.pad(mask, 1).T.astype(np.float64)
    lines = contour_generator(columns, rows, padded, fill_type=FillType.OuterOffset)
    found = []
    for points, offsets in zip(*lines.filled(0.5, 2.0), strict=True):
        rings = [_corners(np.asarray(ring)[:-1]) for ring in np.split(points, offsets[1:-1])]
        found.append(_with_holes(rings[0], rings[1:]))
    return found


def _corners(ring: Points) -> Points:
    """Drop points in the middle of straight lines."""
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    kept: Points = ring[before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]]
    return kept


def _with_holes(outer: Points, holes: list[Points]) -> Points:
    """Join holes to an outline, the nearest first, so that no channel crosses another hole."""
    waiting = list(holes)
    while waiting:
        gaps = [np.linalg.norm(outer[:, None] - hole[None], axis=2) for hole in waiting]
        n = min(range(len(waiting)), key=lambda i: float(gaps[i].min()))
        at, start = np.unravel_index(gaps[n].argmin(), gaps[n].shape)
        hole = np.roll(waiting.pop(n), -int(start), axis=0)
        outer = np.concatenate([outer[: at + 1], hole, hole[:1], outer[at:]])
    return outer
