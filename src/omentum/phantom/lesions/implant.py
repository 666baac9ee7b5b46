"""Synthetic lesions in a real CT: everything but the lesion is the patient's.

Shapes and tissues are those of the phantoms; what they look like is taken from the CT itself. A lesion's HU is the
level of its host in this patient plus the difference that lesion and host have in the tissue table at this contrast
phase. Its noise and fine texture are those that the host has at the same place, or, in lung, noise of the strength
found in this CT's soft tissue. (The idea of training on synthetic tumours in real scans: Hu et al., CVPR 2023.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from omentum.anatomy import STRUCTURES
from omentum.axis_order import axis_order
from omentum.errors import GeometryError, UsageError
from omentum.phantom.body import PhantomBody, PhantomCase
from omentum.phantom.label_names import parts_of
from omentum.phantom.lesions.insertion import LesionOptions, insert_lesions
from omentum.phantom.lesions.kinds import KINDS
from omentum.phantom.texture import Field, kernel_noise, smooth_field
from omentum.phantom.tissue import TISSUES, Appearance, Phase, draw_hu, tissue_index
from omentum.segmentation import Segmentation
from omentum.volume import Volume

FAT_HU = (-150, -30)
SOFT_HU = (-30, 250)
AIR_HU = -500
TEXTURE_MM = 3.0
"""What varies faster than this in a host is its noise and texture, what varies more slowly its level."""
EDGE_VOXELS = 0.6
"""SD of the blur of a lesion's edge: partial volume."""
ALL_LESIONS = LesionOptions()
LUNGS = ("right_lung", "left_lung")
AORTA_HU: Mapping[Phase, tuple[float, float]] = {
    "nc": (-100, 75),
    "del": (75, 125),
    "pv": (125, 200),
    "art": (200, 2000),
}
"""Which contrast phase a scan is in, by the median HU of its aorta."""


@dataclass(frozen=True, eq=False)
class ImplantSource:
    """A real CT and the organs known in it, in RAS+ order.

    Args:
        ct: HU.
        organs: Masks of whole organs on its grid; `annotated` is what the labels determine, and lesions of the kinds
            whose hosts are all among them.
        phase: Contrast phase, as the aorta says; None where there is no aorta.
    """

    ct: Volume
    organs: Segmentation
    phase: Phase | None

    @classmethod
    def from_labels(cls, ct: Volume, labels: Volume, names: Mapping[int, str]) -> ImplantSource:
        """Prepare a CT that is free of lesions in the labelled organs.

        Args:
            ct: HU, axis-aligned up to rotations that can be ignored.
            labels: Label map on the same grid; every organ whole.
            names: Label value -> name, e.g. TotalSegmentator's.

        Raises:
            UsageError: No name is known, or no organ is labelled in which a lesion can be put.
            GeometryError: The grids differ.
        """
        if not ct.same_grid(labels):
            raise GeometryError(f"the labels are on another grid ({labels.grid}) than the CT ({ct.grid})")
        order = axis_order(ct.grid)
        grid = order.grid(ct.grid)
        values = np.rint(order.view(labels.voxels)).astype(np.int64)
        masks = {key: np.zeros(grid.shape, bool) for key in STRUCTURES.keys}
        annotated: set[str] = set()
        for value, part in parts_of(names).items():
            for key in part.structures:
                annotated.add(key)
                masks[key] |= values == value
        annotated -= {key for key in annotated if STRUCTURES[key].is_lesion}
        lesions = {key for key in KINDS if set(STRUCTURES[key].hosts) <= annotated}
        if not any(masks[host].any() for key in lesions for host in STRUCTURES[key].hosts):
            raise UsageError("no organ is labelled in which a lesion could be put")
        lesions |= {"hepatic_vessel_tumour"} if "liver_tumour" in lesions else set()
        voxels = np.ascontiguousarray(order.view(ct.voxels)).astype(np.float32)
        organs = Segmentation.from_masks(masks, grid.affine, annotated | lesions)
        return cls(Volume(voxels, grid.affine), organs, _phase(voxels, masks["aorta"]))


def implant(
    source: ImplantSource,
    rng: np.random.Generator,
    options: LesionOptions = ALL_LESIONS,
    lesion_contrast_hu: float = 0.0,
) -> PhantomCase:
    """Put lesions and look-alikes into a real CT.

    Args:
        source: The CT and its organs.
        rng: Source of randomness.
        options: Which lesions.
        lesion_contrast_hu: Least difference from the host, see `tissue.Appearance`.

    Returns:
        The CT (int16) and the masks; `facts["lesions"]` as of `insert_lesions`.
    """
    hu = np.asarray(source.ct.voxels, np.float32)
    known = source.organs.annotated or frozenset()
    odds = {key: value for key, value in options.odds.items() if key in known}
    body = PhantomBody(source.organs.grid, _coarse_tissue(hu, source.organs), source.organs, {"body": "real CT"})
    after = insert_lesions(body, rng, LesionOptions(odds, options.size, options.look_alikes))
    phase: Phase = source.phase or "pv"
    appearance = Appearance(phase, lesion_contrast_hu=lesion_contrast_hu)
    painted = _painted(hu, body, after, draw_hu(rng, appearance), rng)
    facts: dict[str, Any] = {**after.facts, "phase": source.phase}
    return PhantomCase(
        Volume(np.clip(np.rint(painted), -1024, 3071).astype(np.int16), body.grid.affine), after.truth, facts
    )


def _phase(hu: Field, aorta: NDArray[np.bool_]) -> Phase | None:
    if aorta.sum() < 50:
        return None
    level = float(np.median(hu[aorta]))
    return next((phase for phase, (low, high) in AORTA_HU.items() if low <= level < high), None)


def _coarse_tissue(hu: Field, organs: Segmentation) -> NDArray[np.uint8]:
    """What lesions need to know: where fat is, which yields; what does not; and the hosts themselves."""
    tissue = np.full(hu.shape, tissue_index("muscle"), np.uint8)
    tissue[(hu >= FAT_HU[0]) & (hu <= FAT_HU[1])] = tissue_index("visceral_fat")
    tissue[hu < AIR_HU] = tissue_index("lung")
    for key, name in HOST_TISSUE.items():
        if key in organs.classes:
            tissue[organs.mask(key)] = tissue_index(name)
    return tissue


HOST_TISSUE = {
    "liver": "liver",
    "spleen": "spleen",
    "pancreas": "pancreas",
    "right_kidney": "kidney_cortex",
    "left_kidney": "kidney_cortex",
    "colon": "colon_wall",
    "right_lung": "lung",
    "left_lung": "lung",
}
"""Tissue of the table that an organ's own HU stand for."""


def _painted(
    hu: Field, before: PhantomBody, after: PhantomBody, table: Field, rng: np.random.Generator
) -> NDArray[np.float32]:
    """The CT with what differs between two bodies painted in."""
    changed = before.tissue != after.tissue
    if not changed.any():
        return hu
    spacing = before.grid.spacing_mm
    target = np.zeros_like(hu)
    target[changed] = table[after.tissue[changed]]
    for key, name in HOST_TISSUE.items():
        host = before.truth.mask(key)
        soft = host & (hu > SOFT_HU[0]) & (hu < SOFT_HU[1]) if key not in LUNGS else host & (hu < AIR_HU)
        if soft.sum() < 50:
            continue
        shift = np.float32(np.median(hu[soft])) - table[tissue_index(name)]
        of_host = [k for k, tissue in enumerate(TISSUES) if tissue.host and _same_kin(tissue.host, name)]
        target[changed & after.truth.mask(key) & np.isin(after.tissue, of_host)] += shift
    texture = np.array([tissue.texture[0] for tissue in TISSUES], np.float32)[after.tissue]
    target += 0.6 * texture * smooth_field(rng, hu.shape, spacing, 5.0)
    alpha = gaussian_filter(changed.astype(np.float32), EDGE_VOXELS)
    level = gaussian_filter(np.where(changed, target, 0), EDGE_VOXELS) / np.maximum(alpha, 1e-3)
    return np.asarray(np.where(alpha > 1e-3, hu + alpha * (level + _noise(hu, spacing, rng) - hu), hu))


def _noise(hu: Field, spacing_mm: tuple[float, float, float], rng: np.random.Generator) -> Field:
    """Noise and fine texture: the CT's own where it is soft tissue, drawn with the same strength elsewhere."""
    soft = (hu > SOFT_HU[0]) & (hu < SOFT_HU[1])
    sigma = [TEXTURE_MM / s for s in spacing_mm]
    weight = np.maximum(gaussian_filter(soft.astype(np.float32), sigma), 1e-3)
    residual = np.where(soft, hu - gaussian_filter(np.where(soft, hu, 0), sigma) / weight, 0)
    strength = 1.48 * float(np.median(np.abs(residual[soft]))) if soft.any() else 10.0
    drawn = strength * kernel_noise(rng, hu.shape, spacing_mm, 0.6, spacing_mm[2])
    return np.where(soft, residual.clip(-4 * strength, 4 * strength), drawn).astype(np.float32)


def _same_kin(one: str, other: str) -> bool:
    return TISSUES[tissue_index(one)].kin == TISSUES[tissue_index(other)].kin
