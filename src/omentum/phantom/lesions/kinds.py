"""How tumours and cysts of each organ look: how many, how large, what shape, what is inside.

Sizes are log-normal fits to the public lesion data sets (LiTS, KiTS, and the Medical Segmentation Decathlon's
pancreas, lung and colon tasks).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from omentum.phantom.texture import smooth_field
from omentum.phantom.tissue import tissue_index

KIDNEYS, LUNGS = ("right_kidney", "left_kidney"), ("right_lung", "left_lung")
YIELDING = ("visceral_fat", "stranded_fat", "renal_sinus", "vein", "artery", "soft_tissue")
"""Tissues outside its host that a lesion replaces where it bulges out."""
LUMEN = ("bowel_gas", "bowel_fluid")
"""Layers of these are the narrowed lumen of a bowel, not tumour."""


@dataclass(frozen=True, eq=False)
class Blob:
    """One lesion before it is placed: an ellipsoid with a rippled surface, and its layers.

    Args:
        name: Of the kind, for the list of lesions.
        axes_mm: Semi-axes.
        rotation: Of the axes, shape (3, 3).
        roughness: SD of the surface's ripple relative to the radius.
        layers: (outer radius 0..1, tissue), from the outside in.
        patches: (tissue, share): islands of another tissue inside.
    """

    name: str
    axes_mm: tuple[float, float, float]
    rotation: NDArray[np.float64]
    roughness: float
    layers: tuple[tuple[float, str], ...]
    patches: tuple[str, float] | None = None

    @property
    def radius_mm(self) -> float:
        """Radius of the sphere of the same volume."""
        return float(np.prod(self.axes_mm) ** (1 / 3))

    def paint(
        self,
        rng: np.random.Generator,
        tissue: NDArray[np.uint8],
        r: NDArray[np.float32],
        shape: NDArray[np.bool_],
        spacing_mm: tuple[float, float, float],
    ) -> NDArray[np.bool_]:
        """Write the layers where `shape` is; `r` is 1 at the surface.

        Returns:
            What of the shape is lesion: all but a lumen that stays open.
        """
        i, j, k = r.shape
        ripple = smooth_field(rng, (i, j, k), spacing_mm, 6.0)
        for outer, name in self.layers:
            tissue[shape & ((r + 0.08 * ripple < outer) if outer < 1.0 else True)] = tissue_index(name)
        if self.patches is not None:
            name, share = self.patches
            tissue[shape & (ripple > np.quantile(ripple, 1.0 - share)) & (r < 0.9)] = tissue_index(name)
        return shape & ~np.isin(tissue, [tissue_index(name) for name in LUMEN])


@dataclass(frozen=True, eq=False)
class LesionKind:
    """Lesions of one structure in one patient.

    Args:
        structures: Structures their voxels belong to, besides the host.
        hosts: Where they may be.
        count: How many.
        draw_blob: (rng, size factor) -> one lesion.
        bulge: How far one may reach out of its host, relative to its diameter.
    """

    structures: tuple[str, ...]
    hosts: tuple[str, ...]
    count: int
    draw_blob: Callable[[np.random.Generator, float], Blob]
    bulge: float = 0.0


def draw_kind(rng: np.random.Generator, structure: str) -> LesionKind:
    """What this patient's lesions of a structure are; one patient's liver lesions are all of one kind."""
    return KINDS[structure](rng)


def _liver(rng: np.random.Generator) -> LesionKind:
    count = int(np.clip(rng.poisson(rng.lognormal(np.log(2.5), 0.8)), 1, 20))
    structures = ("liver_tumour", "hepatic_vessel_tumour")
    blob = _hcc if rng.random() < 0.3 else _metastasis
    return LesionKind(structures, ("liver",), 1 if blob is _hcc else count, blob, bulge=0.15)


def _metastasis(rng: np.random.Generator, size: float) -> Blob:
    radius = random_radius(rng, 8.0, 0.6, (2.5, 60.0), size)
    rim = rng.random() < 0.4
    core = (0.75, "liver_metastasis") if rim else (1.0, "liver_metastasis")
    layers = ((1.0, "metastasis_rim"), core) if rim else (core,)
    if radius > 14.0 and rng.random() < 0.5:
        layers = (*layers, (float(rng.uniform(0.4, 0.65)), "liver_necrosis"))
    return random_blob(rng, "metastasis", radius, layers, roughness=(0.05, 0.14))


def _hcc(rng: np.random.Generator, size: float) -> Blob:
    radius = random_radius(rng, 16.0, 0.6, (4.0, 75.0), size)
    layers: tuple[tuple[float, str], ...] = ((1.0, "hcc"),)
    if rng.random() < 0.5:
        layers = ((1.0, "hcc_capsule"), (1.0 - 2.5 / max(radius, 6.0), "hcc"))
    patches = ("liver_necrosis", float(rng.uniform(0.05, 0.3))) if radius > 15.0 else None
    return random_blob(rng, "HCC", radius, layers, roughness=(0.04, 0.1), patches=patches)


def _kidney_tumour(rng: np.random.Generator) -> LesionKind:
    return LesionKind(("kidney_tumour",), KIDNEYS, 1 if rng.random() < 0.93 else 2, _renal_cancer, bulge=0.45)


def _renal_cancer(rng: np.random.Generator, size: float) -> Blob:
    name = str(rng.choice(["clear_cell", "papillary", "chromophobe", "fatty"], p=[0.68, 0.13, 0.14, 0.05]))
    radius = random_radius(rng, 19.0, 0.5, (5.0, 45.0), size)
    if name == "fatty":
        layers: tuple[tuple[float, str], ...] = ((1.0, "kidney_fatty_tumour"),)
        return random_blob(rng, "angiomyolipoma", radius, layers, patches=("kidney_tumour_papillary", 0.3))
    layers = ((1.0, f"kidney_tumour_{name}"),)
    if radius > 20.0 and rng.random() < 0.45:
        layers = (*layers, (float(rng.uniform(0.35, 0.7)), "kidney_necrosis"))
    patches = ("kidney_necrosis", float(rng.uniform(0.05, 0.25))) if name == "clear_cell" else None
    return random_blob(rng, name.replace("_", " ") + " carcinoma", radius, layers, patches=patches)


def _kidney_cyst(rng: np.random.Generator) -> LesionKind:
    count = int(np.clip(rng.geometric(0.45), 1, 8))
    return LesionKind(("kidney_cyst",), KIDNEYS, count, _renal_cyst, bulge=0.45)


def _renal_cyst(rng: np.random.Generator, size: float) -> Blob:
    dense = rng.random() < 0.08
    layers = ((1.0, "kidney_cyst_dense" if dense else "kidney_cyst_fluid"),)
    radius = random_radius(rng, 9.0, 0.55, (3.0, 50.0), size)
    return random_blob(rng, "dense cyst" if dense else "cyst", radius, layers, roughness=(0.0, 0.04), stretch=0.12)


def _pancreas(rng: np.random.Generator) -> LesionKind:
    return LesionKind(("pancreas_tumour",), ("pancreas",), 1, _pancreatic, bulge=0.4)


def _pancreatic(rng: np.random.Generator, size: float) -> Blob:
    name = str(rng.choice(["adenocarcinoma", "cystic_tumour", "endocrine_tumour"], p=[0.6, 0.25, 0.15]))
    radius = random_radius(rng, 13.0, 0.4, (4.0, 35.0), size)
    patches = ("pancreas", 0.12) if name == "adenocarcinoma" else None
    layers = ((1.0, f"pancreas_{name}"),)
    return random_blob(rng, name.replace("_", " "), radius, layers, roughness=(0.06, 0.2), patches=patches)


def _lung(rng: np.random.Generator) -> LesionKind:
    count = 1 if rng.random() < 0.7 else int(rng.integers(2, 6))
    return LesionKind(("lung_tumour",), LUNGS, count, _pulmonary)


def _pulmonary(rng: np.random.Generator, size: float) -> Blob:
    radius = random_radius(rng, 11.0, 0.6, (2.5, 45.0), size)
    if radius < 15.0 and rng.random() < 0.15:
        core = (float(rng.uniform(0.0, 0.6)), "lung_tumour_solid")
        return random_blob(rng, "ground glass", radius, ((1.0, "ground_glass"), core), roughness=(0.05, 0.2))
    layers: tuple[tuple[float, str], ...] = ((1.0, "lung_tumour_solid"),)
    if radius > 16.0 and rng.random() < 0.35:
        hollow = "airway" if rng.random() < 0.3 else "lung_necrosis"
        layers = (*layers, (float(rng.uniform(0.3, 0.65)), hollow))
    return random_blob(rng, "solid", radius, layers, roughness=(0.05, 0.25))


def _colon(rng: np.random.Generator) -> LesionKind:
    return LesionKind(("colon_tumour",), ("colon",), 1, _colonic, bulge=0.25)


def _colonic(rng: np.random.Generator, size: float) -> Blob:
    """Annular: larger than the lumen, so that it replaces it over some length; polypoid: a ball that leaves some."""
    annular = rng.random() < 0.6
    radius = random_radius(rng, 19.0 if annular else 12.0, 0.3, (6.0, 40.0), size)
    layers: tuple[tuple[float, str], ...] = ((1.0, "colon_tumour"),)
    if annular:
        layers = (*layers, (float(rng.uniform(0.15, 0.4)), "bowel_gas" if rng.random() < 0.5 else "bowel_fluid"))
    return random_blob(rng, "annular" if annular else "polypoid", radius, layers, roughness=(0.06, 0.18))


def random_radius(
    rng: np.random.Generator, median_mm: float, sigma: float, limits_mm: tuple[float, float], size: float
) -> float:
    """A radius in mm from a log-normal distribution, within limits."""
    return float(np.clip(size * rng.lognormal(np.log(median_mm), sigma), *limits_mm))


def random_blob(
    rng: np.random.Generator,
    name: str,
    radius_mm: float,
    layers: tuple[tuple[float, str], ...],
    *,
    roughness: tuple[float, float] = (0.05, 0.15),
    stretch: float = 0.25,
    patches: tuple[str, float] | None = None,
) -> Blob:
    """One lesion of a given radius with axes at random; see `Blob` for the arguments."""
    factors = np.exp(np.clip(rng.normal(0.0, stretch, 3), -0.5, 0.5))
    axes = radius_mm * factors / np.prod(factors) ** (1 / 3)
    return Blob(
        name=name,
        axes_mm=(float(axes[0]), float(axes[1]), float(axes[2])),
        rotation=Rotation.random(rng=rng).as_matrix(),
        roughness=float(rng.uniform(*roughness)),
        layers=layers,
        patches=patches,
    )


KINDS: dict[str, Callable[[np.random.Generator], LesionKind]] = {
    "liver_tumour": _liver,
    "kidney_tumour": _kidney_tumour,
    "kidney_cyst": _kidney_cyst,
    "pancreas_tumour": _pancreas,
    "lung_tumour": _lung,
    "colon_tumour": _colon,
}
DEFAULT_ODDS = {
    "liver_tumour": 0.5,
    "kidney_tumour": 0.35,
    "kidney_cyst": 0.4,
    "pancreas_tumour": 0.35,
    "lung_tumour": 0.5,
    "colon_tumour": 0.35,
}
"""Far more than in any clinic: a phantom is there to teach."""
