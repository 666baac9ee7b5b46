"""A mask as few numbers that tell a good one from a bad one: its shape, and whether its edge is where the HU change."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.boxes import Box, grown_mm
from omentum.components import connected_components
from omentum.measure.measures import StructureMeasure
from omentum.quality.limits import QUALITY_RULES, QualityRules
from omentum.quality.rim import rim
from omentum.segmentation import BITS_PER_PLANE, Segmentation
from omentum.volume import Volume, Voxels

Mask = NDArray[np.bool_]

RIM_MM = 5.1
"""Thickness of the shell around a mask, and of the rim left out of its core. Not a multiple of common spacings, so that
rounding does not decide."""
CORE_SHARE = 0.25
"""A core of less than this share of the mask says little; then all of the mask is its core."""
LEAST_SPREAD_HU = 12.0
ALIKE_SPREADS, UNLIKE_SPREADS = 1.0, 3.0
MAD_TO_SD = 1.4826
MISSING_HU = -1000.0
"""Voxels that are not a number count as air."""


@dataclass(frozen=True)
class MaskFeatures:
    """Of one structure that was found.

    Args:
        components: Connected components (26 neighbours) that are not mere specks (`fragment_share`).
        outside_largest: Share of its voxels outside the largest component.
        holes_share: Volume of closed cavities that no other structure fills, relative to its volume.
        roughness: Natural logarithm of surface / volume^(2/3) (ball: 1.58); None where the image cuts it.
        similar_outside: Share of the shell around it that nothing claims and that looks like its core.
        dissimilar_inside: Share of it that looks unlike its core.
        edge_hu: How far the shell's median HU lies from the core's.
        spread_hu: Robust SD in its core.
        shared: Share of it that a structure claims with which it should not overlap.
        outside_host: Share of it in none of the organs it may live in; 0 if it has none or none was looked for.
        elongation: ln(extent / volume^(1/3)) right-left, front-back, up-down; None where the image cuts it.
    """

    components: int
    outside_largest: float
    holes_share: float
    roughness: float | None
    similar_outside: float
    dissimilar_inside: float
    edge_hu: float
    spread_hu: float
    shared: float
    outside_host: float
    elongation: tuple[float, float, float] | None


def mask_features(
    ct: Volume, seg: Segmentation, m: StructureMeasure, box: Box, rules: QualityRules = QUALITY_RULES
) -> MaskFeatures:
    """Look at one structure.

    Args:
        ct: HU.
        seg: On the grid of `ct`.
        m: The structure's measure; it was found.
        box: Around all of it.
        rules: What may overlap.
    """
    wide = grown_mm(box, RIM_MM, seg.grid)
    mask, foreign = seg.mask(m.key, wide), _claimed(seg, m.key, wide, rules)
    components, outside_largest = _components(mask, m.voxels, rules.fragment_share)
    side_mm = (m.volume_ml * 1000.0) ** (1 / 3)
    whole = m.extent_mm is not None and not m.touches_border
    spacing = seg.grid.spacing_mm
    return MaskFeatures(
        components=components,
        outside_largest=outside_largest,
        holes_share=_cavities(mask, foreign) / m.voxels,
        roughness=math.log(m.surface_mm2 / side_mm**2) if whole and m.surface_mm2 else None,
        **_appearance(ct.voxels[wide], mask, foreign, spacing),
        shared=float(np.count_nonzero(mask & foreign)) / m.voxels,
        outside_host=_outside_host(seg, m.key, wide, mask) / m.voxels,
        elongation=_elongation(m.extent_mm, side_mm) if whole and m.extent_mm else None,
    )


def _elongation(extent_mm: tuple[float, float, float], side_mm: float) -> tuple[float, float, float]:
    r, a, s = (math.log(mm / side_mm) for mm in extent_mm)
    return r, a, s


def _claimed(seg: Segmentation, key: str, box: Box, rules: QualityRules) -> Mask:
    """Where a structure is with which this one should not share voxels."""
    found = np.zeros(tuple(s.stop - s.start for s in box), bool)
    for plane in range(len(seg.bits)):
        keys = seg.classes[plane * BITS_PER_PLANE : (plane + 1) * BITS_PER_PLANE]
        bits = sum(1 << n for n, other in enumerate(keys) if not rules.may_share(key, other))
        for here, of_all in zip(found, seg.bits[plane][box], strict=True):  # not four bytes a voxel of the box
            np.logical_or(here, (of_all & seg.bits.dtype.type(bits)) != 0, out=here)
    return found


def _outside_host(seg: Segmentation, key: str, box: Box, mask: Mask) -> int:
    hosts = [seg.mask(host, box) for host in STRUCTURES[key].hosts if host in seg.classes]
    # A host beyond the box says as much as one in it: only where none was looked for is there nothing to say.
    return int(np.count_nonzero(mask & ~np.logical_or.reduce(hosts))) if hosts else 0


def _components(mask: Mask, voxels: int, fragment_share: float) -> tuple[int, float]:
    found = np.bincount(connected_components(mask)[mask])[1:]
    return int(np.count_nonzero(found >= fragment_share * voxels)), 1.0 - float(found.max()) / voxels


def _cavities(mask: Mask, foreign: Mask) -> int:
    outside = np.pad(~mask, 1, constant_values=True)
    labels = cc3d.connected_components(outside, connectivity=6)[1:-1, 1:-1, 1:-1]
    # The padding makes one piece of all that is open, and the first voxel in memory belongs to it: number 1.
    return sum(int(np.count_nonzero((plane > 1) & ~there)) for plane, there in zip(labels, foreign, strict=True))


def _appearance(ct: Voxels, mask: Mask, foreign: Mask, spacing_mm: tuple[float, ...]) -> dict[str, float]:
    rim_mm = max(RIM_MM, 1.01 * min(spacing_mm))
    close = rim(mask, rim_mm, spacing_mm)
    core, shell = mask & ~close, close & ~mask
    inside, outside, free = _hu(ct[mask]), _hu(ct[shell]), ~foreign[shell]
    middle_of = _hu(ct[core]) if np.count_nonzero(core) >= CORE_SHARE * len(inside) else inside
    middle = float(np.median(middle_of))
    spread = MAD_TO_SD * float(np.median(np.abs(middle_of - middle)))
    tolerance = max(spread, LEAST_SPREAD_HU)
    alike = free & (np.abs(outside - middle) <= ALIKE_SPREADS * tolerance)
    return {
        "similar_outside": float(alike.mean()) if len(outside) else 0.0,
        "dissimilar_inside": float((np.abs(inside - middle) > UNLIKE_SPREADS * tolerance).mean()),
        "edge_hu": abs(float(np.median(outside)) - middle) if len(outside) else 0.0,
        "spread_hu": spread,
    }


def _hu(values: Voxels) -> NDArray[np.float32]:
    found = values.astype(np.float32)
    return np.nan_to_num(found, copy=False, nan=MISSING_HU) if values.dtype.kind == "f" else found
