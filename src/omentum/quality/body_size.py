"""Plausibility of the voxel spacing: implausible body size or proportions suggest a wrong header.

Size is the width and depth of the trunk. Proportions are checked with HU gradients: they are similar from right to left
and from front to back, and smaller along the body.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omentum.quality.flags import Flag, FlagCode, Severity
from omentum.quality.limits import QUALITY_RULES, BodyLimits
from omentum.volume import Volume

STEP_MM = 9.0
"""Distance at which HU are compared: beyond the correlation length of noise, within organs and their borders."""
SOFT_HU = (-200, 200)
"""Range of HU used: soft tissue and fat. Air and bone would dominate the gradients."""
LEAST_PAIRS = 20_000
"""Minimum number of voxel pairs for the proportions."""
MOST_ASKEW = 20.0
"""Maximum angle in degrees between grid and body axes; beyond it the grid axes are not those of the trunk."""
PLANES = 48
"""Number of planes sampled, evenly spaced."""
TRUNK_SHARE = 0.2
"""A row belongs to the trunk if it has this share of the body voxels of the fullest row; couch and arms have less."""


@dataclass(frozen=True)
class BodySize:
    """Body size and proportions for the stated spacing; None if the scan does not show enough of the body.

    Args:
        width_mm, depth_mm: Width (right to left) and depth (back to front) of the trunk.
        across: HU gradient from right to left, relative to front to back.
        along: HU gradient along the body, relative to across it.
        no_spacing: Whether the affine is the default of a file without spacing: 1 mm voxels and origin 0.
    """

    width_mm: float | None
    depth_mm: float | None
    across: float | None
    along: float | None
    no_spacing: bool


def body_size(ct: Volume, body_hu: float) -> BodySize:
    """Measure the trunk and the HU gradient along each axis of the patient.

    Args:
        ct: CT volume in HU.
        body_hu: Threshold in HU; voxels above it are body.
    """
    no_spacing = bool(np.array_equal(np.abs(ct.affine), np.eye(4)))
    if ct.grid.askew_degrees > MOST_ASKEW:
        return BodySize(None, None, None, None, no_spacing)
    axis_of = {world: axis for axis, (world, _) in enumerate(ct.grid.axis_directions())}
    upright = ct.voxels.transpose(axis_of[0], axis_of[1], axis_of[2])
    mm = [ct.spacing_mm[axis_of[world]] for world in range(3)]
    some = upright[:, :, :: -(-upright.shape[2] // PLANES)] > body_hu
    counts = [np.count_nonzero(some, axis=axes) for axes in ((1, 2), (0, 2))]
    width, depth = (_extent(n, step) for n, step in zip(counts, mm, strict=False))
    x, y, z = (_change(upright, world, mm[world]) for world in range(3))
    return BodySize(
        width_mm=width,
        depth_mm=depth,
        across=x / y if x and y else None,
        along=2 * z / (x + y) if x and y and z else None,
        no_spacing=no_spacing,
    )


def body_size_flags(size: BodySize, spacing_mm: tuple[float, ...], rules: BodyLimits | None = None) -> Iterator[Flag]:
    """Check the spacing; yields at most one flag.

    Args:
        size: Result of `body_size`.
        spacing_mm: Spacing stated in the header.
        rules: Limits; the packaged ones by default.
    """
    limits = rules or QUALITY_RULES.body
    odd = []
    for what, mm, (low, high) in (("wide", size.width_mm, limits.width_mm), ("deep", size.depth_mm, limits.depth_mm)):
        if mm is not None and not low <= mm <= high:
            odd.append(f"the trunk would be {mm:.0f} mm {what}, plausible {low:g} to {high:g}")
    if size.across is not None and not limits.across[0] <= size.across <= limits.across[1]:
        side = "left-right" if size.across > limits.across[1] else "front-back"
        odd.append(f"HU change too fast {side}: squeezed that way")
    if size.along is not None and size.along > limits.along[1]:
        odd.append("HU change too fast along the body: squeezed that way")
    if size.no_spacing:
        odd.append("the affine is the identity, as where spacing and position were lost")
    if odd:
        stated = " x ".join(f"{mm:.3g}" for mm in spacing_mm)
        text = f"with the stated spacing of {stated} mm {'; '.join(odd)}; check the spacing: all volumes depend on it"
        yield Flag(Severity.WARNING, "", FlagCode.SPACING, text)


def _extent(counts: NDArray[np.intp], step_mm: float) -> float | None:
    hit = np.flatnonzero(counts > TRUNK_SHARE * counts.max()) if counts.max() else np.zeros(0, np.intp)
    if not len(hit) or hit[0] == 0 or hit[-1] == len(counts) - 1:
        return None
    return float(hit[-1] - hit[0] + 1) * step_mm


def _change(upright: NDArray[np.generic], axis: int, step_mm: float) -> float | None:
    """Mean absolute difference in HU per mm between soft-tissue voxels `STEP_MM` apart."""
    n = max(1, round(STEP_MM / step_mm))
    planes = np.moveaxis(upright, axis, 0)
    if n >= len(planes):
        return None
    low, high = SOFT_HU
    total, pairs = 0.0, 0
    starts = range(0, len(planes) - n, max(1, (len(planes) - n) // PLANES))
    for start in starts:
        one, other = (planes[k].astype(np.float32) for k in (start, start + n))
        both = (one > low) & (one < high) & (other > low) & (other < high)
        total += float(np.abs(one - other)[both].sum())
        pairs += int(np.count_nonzero(both))
    return total / pairs / (n * step_mm) if pairs >= LEAST_PAIRS else None
