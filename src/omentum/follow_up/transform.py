"""Affine transforms in millimetres, and their least-squares fits to pairs of points: shift, rigid, affine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.measure.diameters import Points

LEAST_SPREAD_MM = 15.0
"""Points that lie closer than this to a line (root mean square) say nothing about the turn around it; those that lie
closer than this to a plane say nothing about how the body is scaled across it."""


@dataclass(frozen=True, eq=False)
class AffineTransform:
    """x -> linear x + shift.

    Args:
        linear: Shape (3, 3); a proper rotation where the motion is rigid.
        shift_mm: Shape (3,).
    """

    linear: NDArray[np.float64]
    shift_mm: NDArray[np.float64]

    def __call__(self, points_mm: Any) -> Points:
        """Move points, shape (..., 3)."""
        return np.asarray(np.asarray(points_mm) @ self.linear.T + self.shift_mm, np.float64)

    @property
    def inverse(self) -> AffineTransform:
        """The way back."""
        back = np.asarray(np.linalg.inv(self.linear), np.float64)
        return AffineTransform(back, -back @ self.shift_mm)

    @property
    def rotation(self) -> NDArray[np.float64]:
        """The turn alone, shape (3, 3): the nearest rotation."""
        return _nearest_rotation(self.linear)

    @property
    def degrees(self) -> float:
        """Angle of the turn."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.rotation) - 1) / 2, -1, 1))))

    @property
    def scale_factors(self) -> tuple[float, float, float]:
        """Lengths that a length of 1 becomes, along three directions at right angles; the largest first."""
        a, b, c = np.linalg.svd(self.linear, compute_uv=False).tolist()
        return a, b, c

    def followed_by(self, other: AffineTransform) -> AffineTransform:
        """This one, then the other."""
        return AffineTransform(other.linear @ self.linear, other.linear @ self.shift_mm + other.shift_mm)

    def shifted(self, shift_mm: Any) -> AffineTransform:
        """This one, then a shift."""
        return AffineTransform(self.linear, self.shift_mm + shift_mm)


def fit_shift(points_mm: Points, targets_mm: Points) -> AffineTransform:
    """The shift with the least sum of squared distances, of pairs of shape (n, 3)."""
    return AffineTransform(np.eye(3), (targets_mm - points_mm).mean(axis=0))


def fit_rigid(points_mm: Points, targets_mm: Points, weights: NDArray[np.float64] | None = None) -> AffineTransform:
    """The rigid motion with the least (weighted) sum of squared distances, after Kabsch.

    Where the points do not fix the turn (fewer than three, or nearly on a line) there is none, only a shift.

    Args:
        points_mm: Points to move, shape (n, 3), at least one.
        targets_mm: Where each of them should come to lie, shape (n, 3).
        weights: Shape (n,), not all zero.
    """
    w = np.ones(len(points_mm)) if weights is None else weights
    w = (w / w.sum())[:, None]
    from_mm, to_mm = (w * points_mm).sum(axis=0), (w * targets_mm).sum(axis=0)
    moved, fixed = (points_mm - from_mm) * np.sqrt(w), (targets_mm - to_mm) * np.sqrt(w)
    if np.linalg.svd(moved, compute_uv=False)[1:2].sum() < LEAST_SPREAD_MM:
        return AffineTransform(np.eye(3), to_mm - from_mm)
    rotation = _nearest_rotation(fixed.T @ moved)
    return AffineTransform(rotation, to_mm - rotation @ from_mm)


def fit_affine(points_mm: Points, targets_mm: Points) -> AffineTransform:
    """The motion of 12 parameters with the least sum of squared distances; a rigid one where pairs do not fix it.

    Args:
        points_mm: Points to move, shape (n, 3), at least one.
        targets_mm: Where each of them should come to lie, shape (n, 3).
    """
    from_mm, to_mm = points_mm.mean(axis=0), targets_mm.mean(axis=0)
    moved, fixed = points_mm - from_mm, targets_mm - to_mm
    spread_mm = np.linalg.svd(moved / np.sqrt(len(moved)), compute_uv=False)
    if len(spread_mm) < 3 or spread_mm[2] < LEAST_SPREAD_MM:
        return fit_rigid(points_mm, targets_mm)
    linear = np.linalg.solve(moved.T @ moved, moved.T @ fixed).T
    return AffineTransform(linear, to_mm - linear @ from_mm)


def _nearest_rotation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    u, _, vt = np.linalg.svd(matrix)
    # A mirror image would fit as well; a patient is never mirrored.
    return np.asarray(u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt)
