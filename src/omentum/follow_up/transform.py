"""Affine transforms in mm, and least-squares fits to point pairs: shift, rigid, affine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.measure.diameters import Points

LEAST_SPREAD_MM = 15.0
"""Minimum spread of points (root mean square) around a line, to fit a rotation, and around a plane, to fit scaling."""


@dataclass(frozen=True, eq=False)
class AffineTransform:
    """The map x -> linear x + shift.

    Args:
        linear: float64, shape (3, 3); a proper rotation for rigid motions.
        shift_mm: float64, shape (3,).
    """

    linear: NDArray[np.float64]
    shift_mm: NDArray[np.float64]

    def __call__(self, points_mm: Any) -> Points:
        """Transform points, shape (..., 3)."""
        return np.asarray(np.asarray(points_mm) @ self.linear.T + self.shift_mm, np.float64)

    @property
    def inverse(self) -> AffineTransform:
        """Return the inverse transform."""
        back = np.asarray(np.linalg.inv(self.linear), np.float64)
        return AffineTransform(back, -back @ self.shift_mm)

    @property
    def rotation(self) -> NDArray[np.float64]:
        """Rotation part, shape (3, 3): the nearest rotation matrix."""
        return _nearest_rotation(self.linear)

    @property
    def degrees(self) -> float:
        """Rotation angle in degrees."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.rotation) - 1) / 2, -1, 1))))

    @property
    def scale_factors(self) -> tuple[float, float, float]:
        """Singular values of the linear part, largest first: stretching along three orthogonal directions."""
        a, b, c = np.linalg.svd(self.linear, compute_uv=False).tolist()
        return a, b, c

    def followed_by(self, other: AffineTransform) -> AffineTransform:
        """Compose: this transform, then the other."""
        return AffineTransform(other.linear @ self.linear, other.linear @ self.shift_mm + other.shift_mm)

    def shifted(self, shift_mm: Any) -> AffineTransform:
        """Compose: this transform, then a shift."""
        return AffineTransform(self.linear, self.shift_mm + shift_mm)


def fit_shift(points_mm: Points, targets_mm: Points) -> AffineTransform:
    """Least-squares shift of point pairs, shape (n, 3)."""
    return AffineTransform(np.eye(3), (targets_mm - points_mm).mean(axis=0))


def fit_rigid(points_mm: Points, targets_mm: Points, weights: NDArray[np.float64] | None = None) -> AffineTransform:
    """(Weighted) least-squares rigid motion of point pairs, by the Kabsch algorithm.

    If the points do not determine a rotation (fewer than three, or nearly collinear), only a shift is fitted.

    Args:
        points_mm: Points to move, shape (n, 3), at least one.
        targets_mm: Target of each point, shape (n, 3).
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
    """Least-squares affine motion (12 parameters); a rigid one if the points do not determine it.

    Args:
        points_mm: Points to move, shape (n, 3), at least one.
        targets_mm: Target of each point, shape (n, 3).
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
    # A reflection could fit as well, but a patient is never mirrored.
    return np.asarray(u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt)
