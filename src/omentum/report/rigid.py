"""Turns and shifts in millimetres, and the one that brings points closest to others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.report.diameters import Points

LEAST_SPREAD_MM = 15.0
"""Points that lie closer than this to a line (root mean square) say nothing about the turn around it."""


@dataclass(frozen=True, eq=False)
class Rigid:
    """x -> rotation x + shift.

    Args:
        rotation: Shape (3, 3), a proper rotation.
        shift_mm: Shape (3,).
    """

    rotation: NDArray[np.float64]
    shift_mm: NDArray[np.float64]

    def __call__(self, points_mm: Any) -> Points:
        """Move points, shape (..., 3)."""
        return np.asarray(np.asarray(points_mm) @ self.rotation.T + self.shift_mm, np.float64)

    @property
    def inverse(self) -> Rigid:
        """The way back."""
        return Rigid(self.rotation.T, -self.rotation.T @ self.shift_mm)

    @property
    def degrees(self) -> float:
        """Angle of the turn."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.rotation) - 1) / 2, -1, 1))))


def shifted_by(shift_mm: Any) -> Rigid:
    """No turn."""
    return Rigid(np.eye(3), np.asarray(shift_mm, np.float64))


def fitted(points_mm: Points, targets_mm: Points, weights: NDArray[np.float64] | None = None) -> Rigid:
    """The motion with the least (weighted) sum of squared distances, after Kabsch.

    Where the points do not fix the turn (fewer than three, or nearly on a line) there is none, only a shift.

    Args:
        points_mm, targets_mm: Pairs, shape (n, 3), at least one.
        weights: Shape (n,), not all zero.
    """
    w = np.ones(len(points_mm)) if weights is None else weights
    w = (w / w.sum())[:, None]
    from_mm, to_mm = (w * points_mm).sum(axis=0), (w * targets_mm).sum(axis=0)
    moved, fixed = (points_mm - from_mm) * np.sqrt(w), (targets_mm - to_mm) * np.sqrt(w)
    if np.linalg.svd(moved, compute_uv=False)[1:2].sum() < LEAST_SPREAD_MM:
        return shifted_by(to_mm - from_mm)
    u, _, vt = np.linalg.svd(moved.T @ fixed)
    # A mirror image would fit as well; a patient is never mirrored.
    rotation = vt.T @ np.diag([1.0, 1.0, np.linalg.det(vt.T @ u.T)]) @ u.T
    return Rigid(rotation, to_mm - rotation @ from_mm)
