"""Augmentation settings: the only place with these numbers; can be read from a configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from omentum.errors import UsageError


@dataclass(frozen=True)
class Augmentation:
    """Augmentation settings; probabilities are per patch.

    Intensities vary in HU far beyond real scanners (each annotated structure is shifted separately), so that a network
    trained on few bodies learns shape and context instead of scanner-specific intensities (domain randomisation: Billot
    et al., SynthSeg, Medical Image Analysis 2023).

    Args:
        rotation_deg: Maximum rotation about each axis, in degrees.
        scale: Minimum and maximum zoom factor.
        elastic_voxels: Maximum standard deviation of the coarse displacement field, in voxels of the model grid (for an
            anisotropic grid, in cubes of the same volume).
        elastic: Probability of elastic deformation.
        flip: Probability of a left-right flip (paired classes are swapped). Off by default: the liver lies on the right
            in nearly everyone, so a flipped body is unrealistic, and the position of organs is what the network uses to
            distinguish sides.
        quarter_turn: Probability of rotating the axial plane by 90, 180 or 270 degrees.
        magnify: Probability, minimum and maximum factor of an additional zoom.
        slab: Probability of keeping only a slab of the patch, as in a scan with a short range.
        slab_voxels: Minimum and maximum slab thickness in voxels.
        structure_hu: Probability of separate intensity shifts per structure, and their standard deviation in HU.
        contrast: Probability of a change of gain and offset.
        gamma, bias, noise, blur, coarse: Probabilities of a gamma curve, a bias field, noise, blur, and a coarser
            resolution.
        intensity_shift: Probability and maximum size of a shift of the whole windowed image (window width = 1).

    Raises:
        UsageError: A value is out of range.
    """

    rotation_deg: float = 12.0
    scale: tuple[float, float] = (0.8, 1.25)
    elastic_voxels: float = 2.5
    elastic: float = 0.5
    flip: float = 0.0
    quarter_turn: float = 0.0
    magnify: tuple[float, float, float] = (0.0, 1.3, 1.5)
    slab: float = 0.25
    slab_voxels: tuple[int, int] = (8, 48)
    structure_hu: tuple[float, float] = (0.4, 35.0)
    contrast: float = 0.5
    gamma: float = 0.3
    bias: float = 0.2
    noise: float = 0.6
    blur: float = 0.25
    coarse: float = 0.2
    intensity_shift: tuple[float, float] = (0.0, 0.1)

    def __post_init__(self) -> None:
        for field in fields(self):
            value, expected = getattr(self, field.name), field.default
            numbers = value if isinstance(value, tuple) else (value,)
            wanted = len(expected) if isinstance(expected, tuple) else 1
            if len(numbers) != wanted or isinstance(value, tuple) != isinstance(expected, tuple):
                raise UsageError(f"augmentation.{field.name} takes {wanted} number(s), got {value!r}")
            if not all(isinstance(n, int | float) and math.isfinite(n) and n >= 0 for n in numbers):
                raise UsageError(f"augmentation.{field.name} takes numbers from 0 on, got {value!r}")
            if field.name in _PROBABILITIES and numbers[0] > 1:
                raise UsageError(f"augmentation.{field.name}: a probability is at most 1, got {numbers[0]}")
            if max(numbers) > _MOST.get(field.name, math.inf):
                raise UsageError(f"augmentation.{field.name} is at most {_MOST[field.name]:g}, got {value!r}")
            if field.name in _RANGES and not 0 < numbers[-2] <= numbers[-1]:
                raise UsageError(f"augmentation.{field.name}: a range goes up from above 0, got {value!r}")
            if field.name in _ZOOMS and not ZOOMS[0] <= numbers[-2] <= numbers[-1] <= ZOOMS[1]:
                raise UsageError(
                    f"augmentation.{field.name}: a zoom lies in {ZOOMS[0]:g} to {ZOOMS[1]:g}, got {value!r}"
                )


_PROBABILITIES = {"elastic", "flip", "quarter_turn", "magnify", "slab", "structure_hu", "contrast", "gamma"} | {
    "bias",
    "noise",
    "blur",
    "coarse",
    "intensity_shift",
}
_RANGES = {"scale", "magnify", "slab_voxels"}
_ZOOMS = {"scale", "magnify"}
ZOOMS = (0.1, 10.0)
"""A patch zoomed out is cut from a box as many times as large as the cube of this."""
_MOST = {"rotation_deg": 180, "elastic_voxels": 50, "structure_hu": 1e4, "intensity_shift": 100}
"""Beyond these a patch shows nothing of its case, and may not fit into a memory."""

NONE = Augmentation(
    rotation_deg=0,
    scale=(1, 1),
    elastic=0,
    flip=0,
    slab=0,
    structure_hu=(0, 0),
    contrast=0,
    gamma=0,
    bias=0,
    noise=0,
    blur=0,
    coarse=0,
)
"""Patches as they are."""
