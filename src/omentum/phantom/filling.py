"""What is inside an organ: cortex and marrow, wall and content, chambers and pyramids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import edt
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, gaussian_filter
from scipy.spatial import cKDTree

from omentum.phantom.texture import Field, smooth_field
from omentum.phantom.tissue import tissue_index

Mask = NDArray[np.bool_]
BONES = frozenset({"vertebra", "sacrum", "flat_bone", "femoral_head", "long_bone"})
ONE_BONE = {"femoral_head": "femur", "long_bone": "femur"}
"""Materials that are cut from one bone: no cortex grows on the cut."""


@dataclass(frozen=True, eq=False)
class FillRegion:
    """One material's voxels, within their bounding box.

    Args:
        rng: Source of randomness.
        spacing_mm: Voxel spacing along x (right), y (anterior), z (superior).
        mask: Where the material is.
        depth_mm: Distance to the nearest voxel centre outside; one spacing at the surface.
        tissue: Written in place.
        oral_contrast: Whether this patient drank contrast.
    """

    rng: np.random.Generator
    spacing_mm: tuple[float, float, float]
    mask: Mask
    depth_mm: Field
    tissue: NDArray[np.uint8]
    oral_contrast: bool = False

    def paint(self, where: Mask, tissue: str) -> None:
        """Make the material's voxels in `where` of a tissue."""
        self.tissue[self.mask & where] = tissue_index(tissue)

    def field(self, length_mm: float) -> Field:
        """A random field over the box, see `smooth_field`."""
        i, j, k = self.mask.shape
        return smooth_field(self.rng, (i, j, k), self.spacing_mm, length_mm)

    def paint_cortex(self, thickness_mm: float) -> None:
        """Cortical bone on the surface; much thinner than a voxel, a voxel of it shares with what lies inside."""
        voxel_mm = min(self.spacing_mm)
        depth_mm = max(thickness_mm + 0.5 * voxel_mm, 1.01 * voxel_mm)
        self.paint(self.depth_mm < depth_mm, "cortical_bone" if thickness_mm > 0.6 * voxel_mm else "thin_cortex")

    def wall(self, thickness_mm: float, variation_mm: float = 0.6) -> Mask:
        """An outer layer of slowly varying thickness, at least one voxel of it nearly everywhere."""
        least = 1.01 * min(self.spacing_mm)
        return np.asarray(self.depth_mm < np.maximum(thickness_mm + variation_mm * self.field(18.0), least))

    def height_mm(self, length_mm: float) -> Field:
        """How far a voxel lies in front of the material's middle, averaged over a neighbourhood of that size."""
        sigma = [length_mm / s for s in self.spacing_mm]
        y = (np.arange(self.mask.shape[1], dtype=np.float32) * np.float32(self.spacing_mm[1]))[None, :, None]
        share = gaussian_filter(self.mask.astype(np.float32), sigma, mode="constant", truncate=2.5)
        moment = gaussian_filter(self.mask * y, sigma, mode="constant", truncate=2.5)
        return np.asarray(y - moment / np.maximum(share, np.float32(1e-3)))


def fill(place: FillRegion, material: str) -> None:
    """Give a material's voxels their tissues; a material without compound structure is the tissue of that name."""
    if material in FILLINGS:
        FILLINGS[material](place)
    else:
        place.paint(place.mask, material)


def fill_parts(
    rng: np.random.Generator,
    parts: NDArray[np.uint8],
    material_of: Sequence[str],
    spacing_mm: tuple[float, float, float],
    tissue: NDArray[np.uint8],
) -> None:
    """Fill every material of a body.

    Args:
        rng: Source of randomness.
        parts: Index of the part of every voxel; 0 is left as it is.
        material_of: Material of each part.
        spacing_mm: Of the grid.
        tissue: Written in place.
    """
    materials = sorted(set(material_of[1:]))
    group = np.array([0] + [1 + materials.index(m) for m in material_of[1:]], np.uint8)[parts]
    solid = [ONE_BONE.get(m, m) for m in materials]
    merged = np.array([0] + [1 + solid.index(m) for m in solid], np.uint8)[group]
    depth = edt.edt(merged, anisotropy=spacing_mm, black_border=False)
    oral_contrast = bool(rng.random() < 0.3)
    for k, box in enumerate(find_objects(group, len(materials))):
        if box is not None:
            mask = group[box] == k + 1
            fill(FillRegion(rng, spacing_mm, mask, depth[box], tissue[box], oral_contrast), materials[k])


def _bone(cortex_mm: tuple[float, float], core: str) -> Callable[[FillRegion], None]:
    """Trabecular bone with islands of fatty marrow (few in the young, many in the old) under a cortex."""

    def filling(place: FillRegion) -> None:
        place.paint(place.mask, core)
        place.paint(place.field(12.0) > place.rng.uniform(0.6, 3.0), "marrow_fat")
        place.paint_cortex(place.rng.uniform(*cortex_mm))

    return filling


def _femoral_head(place: FillRegion) -> None:
    """Bone, or in one patient of thirty a metal prosthesis."""
    _bone((1.0, 2.0), "femoral_trabecular")(place)
    if place.rng.random() < 1 / 30:
        place.paint(place.depth_mm > place.rng.uniform(4.0, 9.0), "metal")


def _muscle(place: FillRegion) -> None:
    """Streaked with fat: hardly in the young and trained, up to a third in the old."""
    place.paint(place.mask, "muscle")
    streaks, amount = place.field(7.0), place.rng.uniform(0.0, 1.0) ** 2
    place.paint(streaks > 2.5 - 2.0 * amount, "fatty_muscle")
    place.paint(streaks > 3.4 - 2.0 * amount, "stranded_fat")


def _long_bone(place: FillRegion) -> None:
    place.paint(place.mask, "marrow_fat")
    place.paint(place.field(12.0) > 0.9, "trabecular_bone")
    place.paint_cortex(place.rng.uniform(3.0, 6.0))


def _costal_cartilage(place: FillRegion) -> None:
    place.paint(place.mask, "cartilage")
    if place.rng.random() < 0.6:
        place.paint((place.depth_mm < 4.0) & (place.field(8.0) > place.rng.uniform(0.6, 1.8)), "calcified_cartilage")


def _lung(place: FillRegion) -> None:
    """More water in the dependent parts: by height, patchy."""
    place.paint(place.mask, "lung")
    back = -place.height_mm(60.0) + 12.0 * place.field(30.0)
    place.paint(
        (back > place.rng.uniform(25.0, 75.0)) & (place.depth_mm < place.rng.uniform(8.0, 40.0)), "dependent_lung"
    )


def _heart(place: FillRegion) -> None:
    """Left ventricle as a thick-walled ball at the left, lower back; thin walls and fat elsewhere."""
    where = np.argwhere(place.mask)
    if len(where) == 0:
        return
    middle, size = where.mean(axis=0), where.std(axis=0)
    ventricle = middle + size * place.rng.normal([-0.75, -0.1, -0.5], 0.12)  # x grows to the patient's right
    radius = [
        (np.arange(n) - m) / s for n, m, s in zip(place.mask.shape, ventricle, np.maximum(size, 1.0), strict=True)
    ]
    r = np.sqrt(radius[0][:, None, None] ** 2 + radius[1][None, :, None] ** 2 + radius[2][None, None, :] ** 2)
    r = r * (1.0 + 0.06 * place.field(25.0))
    place.paint(place.mask, "right_heart_blood")
    y = np.arange(place.mask.shape[1])[None, :, None] + 0.0 * r
    place.paint((y < middle[1] - 0.3 * size[1]) & (r > 1.2), "heart_blood")
    place.paint(r < 0.85, "heart_blood")
    place.paint((r >= 0.85) & (r < place.rng.uniform(1.2, 1.4)), "myocardium")
    place.paint(place.wall(3.0), "myocardium")
    place.paint((place.depth_mm < 7.0) & (place.field(22.0) > 1.0), "visceral_fat")


def _kidney(place: FillRegion) -> None:
    """Cortex outside and in columns between the pyramids of the medulla."""
    place.paint(place.mask, "kidney_medulla")
    cortex_mm = place.rng.uniform(6.0, 9.0) + 2.0 * place.field(9.0)
    place.paint((place.depth_mm < cortex_mm) | (place.field(10.0) > 0.9), "kidney_cortex")


def _bladder(place: FillRegion) -> None:
    place.paint(place.mask, "bladder_urine")
    place.paint(place.wall(place.rng.uniform(2.0, 5.0)), "bladder_wall")


def _gallbladder(place: FillRegion) -> None:
    place.paint(place.mask, "gallbladder_bile")
    if place.rng.uniform(0.5, 2.5) > 0.5 * min(place.spacing_mm):  # thinner, it would not show
        place.paint(place.wall(1.0, 0.3), "gallbladder_wall")
    if place.rng.random() < 0.12:
        low = place.height_mm(40.0) < -place.rng.uniform(5.0, 12.0)
        place.paint(low & (place.field(7.0) > 0.3), "gallstone")


def _oesophagus(place: FillRegion) -> None:
    place.paint(place.mask, "oesophagus_wall")
    lumen = (place.depth_mm > place.rng.uniform(3.5, 6.0)) & (place.field(30.0) > place.rng.uniform(-1.0, 2.0))
    place.paint(lumen, "bowel_gas" if place.rng.random() < 0.7 else "bowel_fluid")


def _stomach(place: FillRegion) -> None:
    """Gas over fluid or food with a level; a collapsed stomach is mostly wall."""
    content = _drawn(place.rng, {"stomach_fluid": 0.45, "stomach_food": 0.4, "oral_contrast": 0.15})
    if place.oral_contrast and place.rng.random() < 0.8:
        content = "oral_contrast"
    place.paint(place.mask, content)
    level = place.rng.uniform(-25.0, 45.0) + (4.0 * place.field(12.0) if content == "stomach_food" else 0.0)
    place.paint(place.height_mm(80.0) > level, "bowel_gas")
    place.paint(place.wall(place.rng.uniform(3.0, 6.0), 1.5), "stomach_wall")


def _duodenum(place: FillRegion) -> None:
    place.paint(place.mask, "duodenum_wall")
    lumen = place.depth_mm > np.maximum(place.rng.uniform(2.5, 5.0) + 2.5 * place.field(25.0), 2.0)
    place.paint(lumen, "oral_contrast" if place.oral_contrast and place.rng.random() < 0.6 else "bowel_fluid")
    place.paint(lumen & (place.height_mm(25.0) > 4.0) & (place.field(30.0) > 0.8), "bowel_gas")


def _small_bowel(place: FillRegion) -> None:
    """Loops as the cells around scattered points, each with its own content, folds and walls between them."""
    where = np.argwhere(place.mask)
    if len(where) == 0:
        return
    spacing = np.array(place.spacing_mm)
    loops = max(2, round(len(where) * spacing.prod() / place.rng.uniform(18.0, 30.0) ** 3))
    seeds = where[place.rng.choice(len(where), loops)] * spacing
    sway = np.stack([3.0 * place.field(20.0)[place.mask] for _ in range(3)], axis=1)
    distance, cell = cKDTree(seeds).query(where * spacing + sway, k=2)
    content = np.array([_loop_content(place) for _ in range(loops)], np.uint8)[cell[:, 0]]
    wall = place.wall(place.rng.uniform(1.5, 3.0))[place.mask]
    wall |= distance[:, 1] - distance[:, 0] < place.rng.uniform(3.0, 5.5)
    folds = place.field(4.0)[place.mask] > place.rng.uniform(0.8, 2.5)
    gas = np.isin(cell[:, 0], np.flatnonzero(place.rng.random(loops) < place.rng.uniform(0.0, 0.25)))
    top = where[:, 1] * spacing[1] - seeds[cell[:, 0], 1] > place.rng.uniform(-6.0, 8.0)
    content = np.where(folds, tissue_index("bowel_wall"), content)
    content = np.where(gas & top, tissue_index("bowel_gas"), content)
    place.tissue[place.mask] = np.where(wall, tissue_index("bowel_wall"), content)


def _loop_content(place: FillRegion) -> int:
    filled = "oral_contrast" if place.oral_contrast and place.rng.random() < 0.7 else "bowel_fluid"
    return tissue_index(filled if place.rng.random() < 0.65 else "bowel_wall")


def _colon(place: FillRegion) -> None:
    """Segments with stool, fluid or nothing, gas collected in front; prepared or tagged in some patients."""
    content = _drawn(place.rng, {"stool": 0.7, "bowel_fluid": 0.15, "oral_contrast": 0.15})
    place.paint(place.mask, content)
    segment = place.field(70.0)
    gas = place.height_mm(14.0) + 6.0 * segment > place.rng.uniform(-12.0, 16.0)
    if content == "stool":
        bubbles = place.field(5.0) > place.rng.uniform(0.8, 2.2) - 0.4 * segment
        place.paint(bubbles, "bowel_gas")
        gas = gas & (place.field(9.0) < place.rng.uniform(0.3, 2.0))
    place.paint(gas, "bowel_gas")
    place.paint(segment < place.rng.uniform(-2.6, -0.8), "colon_wall")
    place.paint(place.wall(place.rng.uniform(1.5, 3.5)), "colon_wall")


def _aorta(place: FillRegion) -> None:
    place.paint(place.mask, "aorta")
    if place.rng.random() < 0.5:
        plaque = place.field(7.0) > place.rng.uniform(1.6, 3.0)
        place.paint((place.depth_mm < 1.2 * max(place.spacing_mm)) & plaque, "calcification")


def _drawn(rng: np.random.Generator, odds: dict[str, float]) -> str:
    return str(rng.choice(list(odds), p=list(odds.values())))


FILLINGS: dict[str, Callable[[FillRegion], None]] = {
    "vertebra": _bone((0.8, 1.6), "trabecular_bone"),
    "sacrum": _bone((0.8, 1.6), "trabecular_bone"),
    "flat_bone": _bone((1.2, 2.4), "trabecular_bone"),
    "femoral_head": _femoral_head,
    "long_bone": _long_bone,
    "muscle": _muscle,
    "costal_cartilage": _costal_cartilage,
    "lung": _lung,
    "heart": _heart,
    "kidney": _kidney,
    "bladder": _bladder,
    "gallbladder": _gallbladder,
    "oesophagus": _oesophagus,
    "stomach": _stomach,
    "duodenum": _duodenum,
    "small_bowel": _small_bowel,
    "colon": _colon,
    "aorta": _aorta,
}
"""How a compound material is built; everything else is a plain tissue."""
