"""Features that separate good masks from bad ones: shape, and whether the edge lies where HU change."""

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
"""Thickness of the shell around a mask, and of the rim excluded from its core, in mm.

Not a multiple of common spacings, so that the result does not depend on rounding.
"""
CORE_SHARE = 0.25
"""If the core has less than this share of the mask, the whole mask is used as core."""
LEAST_SPREAD_HU = 12.0
ALIKE_SPREADS, UNLIKE_SPREADS = 1.0, 3.0
MAD_TO_SD = 1.4826
MISSING_HU = -1000.0
"""Value of NaN voxels: air."""


@dataclass(frozen=True)
class MaskFeatures:
    """Features of one structure that was found.

    Args:
        components: Number of connected components (26-neighbourhood) larger than `fragment_share`.
        outside_largest: Share of voxels outside the largest component.
        holes_share: Volume of holes not filled by another structure, relative to the volume of the structure.
        roughness: ln(surface / volume^(2/3)) (ball: 1.58); None if the image truncates the structure.
        similar_outside: Share of the shell around it that belongs to no structure and has HU similar to its core.
        dissimilar_inside: Share of voxels with HU dissimilar to its core.
        edge_hu: Difference between the median HU of shell and core.
        spread_hu: Robust standard deviation of HU in its core.
        shared: Share of voxels that overlap a structure it should not overlap.
        outside_host: Share of voxels outside all of its host organs; 0 if it has no host or no host was segmented.
        elongation: ln(extent / volume^(1/3)) right-left, front-back, up-down; None if the image truncates the
            structure.
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
    """Compute the features of one structure.

    Args:
        ct: CT volume in HU.
        seg: Segmentation on the grid of `ct`.
        m: Measure of the structure, which must have voxels.
        box: Bounding box of the structure, in voxels.
        rules: Which structures may overlap.
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
    """Mask of the structures that this one should not overlap."""
    found = np.zeros(tuple(s.stop - s.start for s in box), bool)
    for plane in range(len(seg.bits)):
        keys = seg.classes[plane * BITS_PER_PLANE : (plane + 1) * BITS_PER_PLANE]
        bits = sum(1 << n for n, other in enumerate(keys) if not rules.may_share(key, other))
        for here, of_all in zip(found, seg.bits[plane][box], strict=True):  # avoids an int32 array of the box
            np.logical_or(here, (of_all & seg.bits.dtype.type(bits)) != 0, out=here)
    return found


def _outside_host(seg: Segmentation, key: str, box: Box, mask: Mask) -> int:
    hosts = [seg.mask(host, box) for host in STRUCTURES[key].hosts if host in seg.classes]
    # A host outside the box counts, too: the feature is 0 only if no host was segmented.
    return int(np.count_nonzero(mask & ~np.logical_or.reduce(hosts))) if hosts else 0


def _components(mask: Mask, voxels: int, fragment_share: float) -> tuple[int, float]:
    found = np.bincount(connected_components(mask)[mask])[1:]
    return int(np.count_nonzero(found >= fragment_share * voxels)), 1.0 - float(found.max()) / voxels


def _cavities(mask: Mask, foreign: Mask) -> int:
    outside = np.pad(~mask, 1, constant_values=True)
    labels = cc3d.connected_components(outside, connectivity=6)[1:-1, 1:-1, 1:-1]
    # The padding joins the background into one component; it contains the first voxel and so has label 1.
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
