"""Pixels inside closed contours, by the even-odd rule at pixel centres."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def fill(contours: Iterable[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels whose centre is inside an odd number of contours: a contour in another one is a hole.

    A channel of no width (keyhole) is crossed twice at one place and changes nothing.

    Args:
        contours: (column, row) of the corners, shape (n, 2); the last one is joined to the first.
        shape: Columns and rows.

    Returns:
        bool [column, row].
    """
    columns, rows = shape
    toggles = np.zeros((columns + 1, rows), np.int32)
    for points in contours:
        start, end = points, np.roll(points, -1, axis=0)
        low, high = np.sort([start[:, 1], end[:, 1]], axis=0)
        first = np.ceil(low).clip(0, rows).astype(int)
        count = np.ceil(high).clip(0, rows).astype(int) - first
        edge = np.repeat(np.arange(len(points)), count)
        row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
        (x0, y0), (x1, y1) = start[edge].T, end[edge].T
        crossing = x0 + (row - y0) * (x1 - x0) / (y1 - y0)
        np.add.at(toggles, (np.ceil(crossing).clip(0, columns).astype(int), row), 1)
    return np.asarray(np.cumsum(toggles[:columns], axis=0) % 2 == 1)
