"""Choice between a rigid and an affine motion for aligning a body with an earlier scan.

Twelve parameters always fit better than six, so the affine motion is used only if it also predicts organs that it was
not fitted to. Leave-one-out rule: each organ is left out in turn, both motions are fitted to the others, and the
left-out surface is moved by the motion followed by its own shift (as lesions are). The affine motion is accepted if it
reduces the median distance by at least 10 % and 0.1 mm, is better for two thirds of the organs, and stretches no
direction beyond an anatomical limit. With few organs, or if breathing moved some of them, the motion stays rigid.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omentum.follow_up.shared_organ import Fit, SharedOrgan, closest_points, register_organs
from omentum.follow_up.transform import AffineTransform, fit_affine, fit_rigid

FEWEST_ORGANS = 4
"""Minimum number of organs; three must remain when one is left out."""
STRETCH_LIMITS = 0.75, 1.33
"""Anatomical limits of stretching: years of growth or losing a third of the weight stay within them."""
LEAST_GAIN, LEAST_GAIN_MM = 0.1, 0.1
"""Minimum relative and absolute (mm) gain of an affine over a rigid motion."""
LEAST_SHARE = 2 / 3
"""Minimum share of organs that must be closer."""


def affine_if_better(organs: Sequence[SharedOrgan], rigid: AffineTransform) -> AffineTransform | None:
    """Affine motion of the later scan, if the rule above prefers it to the rigid one; otherwise None.

    Args:
        organs: Organs in both scans.
        rigid: Best rigid motion.
    """
    if len(organs) < FEWEST_ORGANS:
        return None
    affine = register_organs(organs, rigid, fit_affine)
    low, high = STRETCH_LIMITS
    if not (low <= affine.scale_factors[2] and affine.scale_factors[0] <= high and np.linalg.det(affine.linear) > 0):
        return None
    stiff, soft = _left_out_mm(organs, rigid, fit_rigid), _left_out_mm(organs, affine, fit_affine)
    known = np.isfinite(stiff) & np.isfinite(soft)
    if np.count_nonzero(known) < FEWEST_ORGANS:
        return None
    then, now = float(np.median(stiff[known])), float(np.median(soft[known]))
    is_nearer = then - now >= max(LEAST_GAIN * then, LEAST_GAIN_MM)
    return affine if is_nearer and np.mean(soft[known] < stiff[known]) >= LEAST_SHARE else None


def _left_out_mm(organs: Sequence[SharedOrgan], motion: AffineTransform, fit: Fit) -> np.ndarray:
    """Distance of each organ's surface from its counterpart after a fit to the others, in mm; NaN if not in view."""
    away = []
    for organ in organs:
        pairs = closest_points([other for other in organs if other is not organ], motion)
        told = fit(*pairs) if pairs else motion
        distances = organ.pairs(organ.follow(told))[2]
        away.append(float(np.median(distances)) if len(distances) else np.nan)
    return np.array(away)
