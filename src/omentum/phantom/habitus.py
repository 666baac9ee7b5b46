"""What surrounds the labelled organs: fat, muscle wall, subcutaneous fat, skin, and air around it all."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import edt
import numpy as np
from numpy.typing import NDArray

from omentum.phantom.texture import Field, smooth_field
from omentum.phantom.tissue import tissue_index

Mask = NDArray[np.bool_]
SKIN_MM = 2.0


@dataclass(frozen=True)
class Habitus:
    """Thickness of the layers of one person.

    Args:
        fat_mm: Subcutaneous fat, mean over the trunk.
        front: Relative surplus of fat in front and at the sides.
        wall_mm: Muscle wall of chest and abdomen.
        muscle: Share of the unlabelled room near bones that muscle takes, 0..1.
        strands: How much of the visceral fat is stranded, 0..1.
    """

    fat_mm: float
    front: float
    wall_mm: float
    muscle: float
    strands: float

    def to_facts(self) -> dict[str, float]:
        """JSON values only."""
        return asdict(self)


def draw_habitus(rng: np.random.Generator) -> Habitus:
    """From lean to obese: 4-55 mm of subcutaneous fat."""
    return Habitus(
        fat_mm=float(np.clip(rng.lognormal(math.log(16.0), 0.55), 4.0, 55.0)),
        front=float(rng.uniform(-0.2, 0.7)),
        wall_mm=float(rng.uniform(6.0, 15.0)),
        muscle=float(rng.uniform(0.45, 0.9)),
        strands=float(rng.uniform(0.0, 0.35)),
    )


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Where a voxel lies with respect to the labelled anatomy, on the target grid.

    Args:
        inner_mm: Distance to the hull of chest, abdomen and pelvis, negative inside.
        outline_mm: Distance to the hull of everything labelled.
        bone: Bones.
    """

    inner_mm: Field
    outline_mm: Field
    bone: Mask


def surround(
    rng: np.random.Generator, places: Surroundings, spacing_mm: tuple[float, float, float], habitus: Habitus
) -> NDArray[np.uint8]:
    """Tissue of every voxel as if nothing were labelled; the labelled organs are painted over it."""
    shape = places.inner_mm.shape
    i, j, k = shape
    sheets = smooth_field(rng, (i, j, k), spacing_mm, 9.0)
    clumps = smooth_field(rng, (i, j, k), spacing_mm, 28.0)
    curves = smooth_field(rng, (i, j, k), spacing_mm, 100.0)
    tissue = np.full(shape, tissue_index("air"), np.uint8)
    body = skin_distance_mm(places, habitus, curves)
    tissue[body < 0] = tissue_index("subcutaneous_fat")
    limbs = (places.outline_mm < 0) & _near_bone(places.bone, spacing_mm, habitus, clumps)
    tissue[limbs] = tissue_index("muscle")
    tissue[limbs & (np.abs(clumps) < rng.uniform(0.06, 0.2))] = tissue_index("visceral_fat")  # between the bellies
    wall = (places.inner_mm >= 0) & (places.inner_mm < habitus.wall_mm * (1.0 + 0.15 * clumps)) & (body < -3.0)
    tissue[wall & (np.abs(sheets) > 0.08)] = tissue_index("muscle")
    cavity = (places.inner_mm < 0) & (body < 0)
    tissue[cavity] = tissue_index("visceral_fat")
    tissue[cavity & (np.abs(sheets) < 0.5 * habitus.strands) & (clumps > 0.2)] = tissue_index("stranded_fat")
    _fat_vessels(rng, tissue, cavity, spacing_mm)
    surface = (body < 0) & (body > -max(SKIN_MM, 0.75 * min(spacing_mm[:2])))
    tissue[surface] = tissue_index("skin" if min(spacing_mm[:2]) <= SKIN_MM else "thin_skin")
    return tissue


def skin_distance_mm(places: Surroundings, habitus: Habitus, curves: Field) -> Field:
    """Signed distance to the skin, negative inside: the outline plus fat, thicker in front or behind."""
    height = np.linspace(-1.0, 1.0, places.outline_mm.shape[1], dtype=np.float32)[None, :, None]
    fat = np.float32(habitus.fat_mm) * (1.0 + habitus.front * height + 0.15 * curves)
    return places.outline_mm - np.maximum(fat, np.float32(3.0))


def _near_bone(bone: Mask, spacing_mm: tuple[float, float, float], habitus: Habitus, clumps: Field) -> Mask:
    """Muscles that no label map names lie along the bones; how far they reach varies."""
    if not bone.any():
        return np.zeros(bone.shape, bool)
    distance = edt.edt(~bone, anisotropy=spacing_mm, black_border=False)
    return np.asarray(distance < 45.0 * habitus.muscle + 8.0 * clumps)


def _fat_vessels(
    rng: np.random.Generator, tissue: NDArray[np.uint8], cavity: Mask, spacing_mm: tuple[float, float, float]
) -> None:
    """Mesenteric vessels: two random sheets cross along winding lines; and a few lymph nodes."""
    i, j, k = tissue.shape
    first, second, third = (smooth_field(rng, (i, j, k), spacing_mm, 22.0) for _ in range(3))
    reach = rng.uniform(0.08, 0.17)
    tissue[cavity & (np.hypot(first, second) < reach)] = tissue_index("vein")
    tissue[cavity & (np.hypot(second, third) < 0.8 * reach)] = tissue_index("artery")
    tissue[cavity & (first + second + third > 5.2)] = tissue_index("soft_tissue")
