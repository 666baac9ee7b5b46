"""Bodies built from numbers alone: the reference body of body_template.toml, varied, deformed and filled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError
from omentum.phantom import reference_abdomen as abdomen
from omentum.phantom import reference_bones as skeleton
from omentum.phantom import reference_bowel as bowel
from omentum.phantom import reference_chest as chest
from omentum.phantom.body import PhantomBody
from omentum.phantom.extra_structures import (
    EXTRA_STRUCTURES,
    include_extra_structures,
    paint_adrenal_mass,
    paint_appendix,
)
from omentum.phantom.filling import BONES, fill_parts
from omentum.phantom.habitus import Habitus, Surroundings, draw_habitus, surround
from omentum.phantom.organ_vessels import paint_liver_vessels, paint_lung_vessels
from omentum.phantom.reference_canvas import Canvas, outline_distance_mm
from omentum.phantom.template import Template, load_template
from omentum.phantom.texture import Axis, smooth_field
from omentum.phantom.warp import Deformation, draw_deformation
from omentum.segmentation import Segmentation

Sex = Literal["m", "f"]
Extent = Literal["whole", "abdomen", "thorax", "pelvis"]
Spacing = tuple[float, float, float]

MIDDLE_MM = np.array([3.0, 15.0, 245.0])
HALF_EXTENT_MM = np.array([190.0, 150.0, 390.0])
"""Of the reference body, for the deformation."""
RANGES_MM: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "whole": ((-95.0, -85.0), (575.0, 595.0)),
    "abdomen": ((-90.0, 100.0), (395.0, 450.0)),
    "thorax": ((180.0, 270.0), (580.0, 598.0)),
    "pelvis": ((-100.0, -80.0), (190.0, 260.0)),
}
"""Where the image may begin and end, as heights in the reference body."""
EXTENT_ODDS = {"whole": 0.4, "abdomen": 0.4, "thorax": 0.1, "pelvis": 0.1}
STRENGTH = 0.6
"""Of the deformation: the organs vary by themselves as well."""
WOMAN = 0.95
"""Size of a woman relative to the reference body, a man's."""
AIR_MM = (8.0, 28.0)
SURVEY_MM = 12.0


@dataclass(frozen=True)
class BodyOptions:
    """Properties of a procedural body; None is sampled at random.

    Args:
        sex: "m" or "f".
        extent: How much of the trunk is imaged.
        missing: Structures this person does not have; by default now and then a kidney or the gallbladder.
        extra: Structures that the body has beside the packaged ones (`EXTRA_STRUCTURES`); their rows are included in
            the table of structures.

    Raises:
        UsageError: an unknown structure is missing, or extra.
    """

    sex: Sex | None = None
    extent: Extent | None = None
    missing: tuple[str, ...] | None = None
    extra: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if strange := set(self.extra) - set(EXTRA_STRUCTURES):
            remedy = f"there are {', '.join(EXTRA_STRUCTURES)}"
            raise UsageError(f"no such extra structure: {', '.join(sorted(strange))}", remedy=remedy)
        unknown = set(self.missing or ()) - set(STRUCTURES.default_keys)
        if unknown:
            raise UsageError(f"no such structure to miss: {', '.join(sorted(unknown))}")


def build_body(rng: np.random.Generator, spacing_mm: Spacing, options: BodyOptions = BodyOptions()) -> PhantomBody:
    """A body and the exact truth of its organs; the same generator state gives the same body.

    Args:
        rng: Source of randomness.
        spacing_mm: Voxel spacing along x, y, z.
        options: What is not left to chance.

    Returns:
        All 32 structures and the extra ones are annotated; the lesions of the 32 are empty (`insert_lesions` puts them
        in).
    """
    if options.extra:
        include_extra_structures()
    sex = options.sex or str(rng.choice(["m", "f"]))
    extent = options.extent or str(rng.choice(list(EXTENT_ODDS), p=list(EXTENT_ODDS.values())))
    missing = _drawn_missing(rng) if options.missing is None else frozenset(options.missing)
    template, habitus = load_template(), draw_habitus(rng)
    size = 1.0 if sex == "m" else WOMAN
    warp = draw_deformation(rng, HALF_EXTENT_MM, STRENGTH)
    axes = _target_axes(rng, template, warp, size, habitus, extent, spacing_mm)
    canvas = _canvas(rng, template, _reference_points(warp, axes, size), spacing_mm, missing)
    canvas = replace(canvas, extra=frozenset(options.extra))
    _paint(canvas, template, sex, rng)
    tissue = _tissues(rng, canvas, size * float(np.sqrt(warp.scale[0] * warp.scale[1])), habitus)
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = [a[0] for a in axes]
    truth = _truth(rng, canvas, tissue, affine)
    facts: dict[str, Any] = {
        "body": "procedural",
        "sex": sex,
        "extent": extent,
        "missing": sorted(missing),
        **({"extra": sorted(options.extra)} if options.extra else {}),
        "scale": [round(size * float(s), 3) for s in warp.scale],
        "habitus": {name: round(value, 2) for name, value in habitus.to_facts().items()},
    }
    return PhantomBody(truth.grid, tissue, truth, facts)


def _drawn_missing(rng: np.random.Generator) -> frozenset[str]:
    """A gallbladder in one of ten, a kidney in one of fifty."""
    draw = {"gallbladder": 0.1, "left_kidney": 0.01, "right_kidney": 0.01}
    key = rng.choice([*draw, ""], p=[*draw.values(), 1.0 - sum(draw.values())])
    return frozenset({str(key)} - {""})


def _reference_points(warp: Deformation, axes: tuple[Axis, Axis, Axis], size: float) -> tuple[Any, Any, Any]:
    x, y, z = warp.source_points((axes[0] / size, axes[1] / size, axes[2] / size))
    a, b, c = MIDDLE_MM.astype(np.float32)
    return x + a, y + b, z + c


def _target_axes(
    rng: np.random.Generator,
    template: Template,
    warp: Deformation,
    size: float,
    habitus: Habitus,
    extent: str,
    spacing_mm: Spacing,
) -> tuple[Axis, Axis, Axis]:
    """Coordinates of the grid: so much of the body, and some air at its sides."""
    low, high = ((rng.uniform(*r) - MIDDLE_MM[2]) * size * warp.scale[2] for r in RANGES_MM[extent])
    reach = size * warp.reach_mm[:2]
    coarse = [np.arange(-r, r, SURVEY_MM) for r in reach]
    points = _reference_points(warp, (coarse[0], coarse[1], np.arange(low, high, SURVEY_MM)), size)
    away = outline_distance_mm(template.outlines["muscle"], template.midline_x, points)
    inside = away * size * warp.scale[:2].max() < 1.4 * habitus.fat_mm * (1.0 + abs(habitus.front)) + SURVEY_MM / 2
    ends = []
    for axis in (0, 1):
        where = coarse[axis][inside.any(axis=(1 - axis, 2))]
        before, behind = rng.uniform(*AIR_MM, 2)
        ends.append((float(where[0] - before), float(where[-1] + behind)))
    i, j, k = (np.arange(a, b, s) for (a, b), s in zip([*ends, (low, high)], spacing_mm, strict=True))
    return i, j, k


def _canvas(
    rng: np.random.Generator,
    template: Template,
    points: tuple[Any, Any, Any],
    spacing_mm: Spacing,
    missing: frozenset[str],
) -> Canvas:
    inner, outline = (
        outline_distance_mm(template.outlines[n], template.midline_x, points) for n in ("cavity", "muscle")
    )
    i, j, k = inner.shape
    bumps = smooth_field(rng, (i, j, k), spacing_mm, 22.0)
    return Canvas(points, np.zeros(inner.shape, np.uint8), bumps, inner, outline, spacing_mm, missing)


def _paint(canvas: Canvas, template: Template, sex: str, rng: np.random.Generator) -> None:
    """What keeps its shape first, what gives way last; what is extra has random numbers of its own."""
    (own,) = rng.spawn(1)
    skeleton.paint_skeleton(canvas, template)
    chest.paint_mediastinum(canvas, template)
    abdomen.paint_vessels(canvas, template)
    abdomen.paint_adrenals(canvas)
    paint_adrenal_mass(canvas, own)
    bowel.paint_pelvic_organs(canvas, sex, rng)
    bowel.paint_duodenum(canvas, template, rng)
    abdomen.paint_pancreas(canvas, template, rng)
    abdomen.paint_gallbladder(canvas, template, rng)
    abdomen.paint_kidneys(canvas, rng)
    bowel.paint_stomach(canvas, template, rng)
    bowel.paint_colon(canvas, template, rng)
    paint_appendix(canvas, own)
    abdomen.paint_spleen(canvas, rng)
    abdomen.paint_liver(canvas, rng)
    chest.paint_lungs(canvas, template)
    skeleton.paint_trunk_muscles(canvas, template)
    bowel.paint_small_bowel(canvas, rng)


def _tissues(rng: np.random.Generator, canvas: Canvas, size: float, habitus: Habitus) -> NDArray[np.uint8]:
    canvas.taken[(canvas.taken == 1) | (canvas.outline_mm > 0)] = 0
    bone = np.array([p.material in BONES for p in canvas.parts])[canvas.taken]
    scale = np.float32(size)
    tissue = surround(
        rng, Surroundings(canvas.inner_mm * scale, canvas.outline_mm * scale, bone), canvas.spacing_mm, habitus
    )
    fill_parts(rng, canvas.taken, [p.material for p in canvas.parts], canvas.spacing_mm, tissue)
    return tissue


def _truth(
    rng: np.random.Generator, canvas: Canvas, tissue: NDArray[np.uint8], affine: NDArray[np.float64]
) -> Segmentation:
    """Bits by lookup; the vessels of liver and lungs are painted into `tissue` on the way."""
    classes = (*STRUCTURES.default_keys, *(key for key in EXTRA_STRUCTURES if key in canvas.extra))
    bit = {key: np.uint64(1 << k) for k, key in enumerate(classes)}
    table = np.array([sum(int(bit[key]) for key in part.structures) for part in canvas.parts], np.uint64)
    truth = Segmentation(table[canvas.taken][None], affine, classes)
    paint_lung_vessels(rng, truth, tissue)
    if "hepatic_vessel" not in canvas.missing:
        truth.bits[0][paint_liver_vessels(rng, truth, tissue)] |= bit["hepatic_vessel"]
    return truth
