"""New bodies from a real one: deformed, of another habitus, refilled; the truth follows the labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from omentum.anatomy import STRUCTURES
from omentum.phantom.body import PhantomBody
from omentum.phantom.filling import BONES, fill_parts
from omentum.phantom.habitus import Habitus, Surroundings, draw_habitus, surround
from omentum.phantom.organ_vessels import paint_liver_vessels, paint_lung_vessels
from omentum.phantom.source import HULL_PAD, HULL_STEP, RestyleSource
from omentum.phantom.texture import Axis, Field, sample_axes
from omentum.phantom.warp import Deformation, draw_deformation
from omentum.segmentation import BITS_PER_PLANE, Segmentation, planes_for
from omentum.volume import Volume

SURVEY_MM = 9.0
OVERHANG_MM = 6.0
"""A slice that reaches farther than this beyond the ends of the source is left out."""


@dataclass(frozen=True)
class RestyleOptions:
    """How far a restyled body may stray.

    Args:
        strength: Of the deformation, see `warp.draw_deformation`; 0 keeps the source's shape.
        length_mm: Height of the body; a random piece of at most so much, all of it by default.
        margin_mm: Air around the body, drawn from this range for each side.
    """

    strength: float = 1.0
    length_mm: float | None = None
    margin_mm: tuple[float, float] = (4.0, 40.0)


def restyle(
    labels: Volume | RestyleSource,
    names: Mapping[int, str],
    rng: np.random.Generator,
    spacing_mm: tuple[float, float, float],
    options: RestyleOptions = RestyleOptions(),
) -> PhantomBody:
    """A new body from a real label map.

    Structures that the label map determines are annotated (also those of a user), and so are the hepatic vessels
    (grown here) and the lesions (none yet: `insert_lesions` puts them in). The sides are never mirrored.

    Args:
        labels: A label map, or a `RestyleSource` made from one, which saves preparing it again.
        names: Label value -> name; ignored for a `RestyleSource`.
        rng: Source of randomness.
        spacing_mm: Of the new body.
        options: How far it may stray.
    """
    source = labels if isinstance(labels, RestyleSource) else RestyleSource.from_labels(labels, names)
    warp = draw_deformation(rng, _half_extent_mm(source), options.strength)
    habitus = draw_habitus(rng)
    axes = _target_axes(rng, source, warp, habitus, spacing_mm, options)
    parts = _sampled_parts(source, warp, axes)
    tissue = _tissues(rng, source, warp, axes, parts, habitus)
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = [a[0] for a in axes]
    truth = _truth(rng, source, parts, tissue, affine)
    facts: dict[str, Any] = {
        "body": "restyled",
        "scale": [round(float(s), 3) for s in warp.scale],
        "habitus": {name: round(value, 2) for name, value in habitus.to_facts().items()},
    }
    return PhantomBody(truth.grid, tissue, truth, facts)


def _half_extent_mm(source: RestyleSource) -> NDArray[np.float64]:
    return np.asarray((np.array(source.labels.shape) - 1) * np.array(source.spacing_mm) / 2)


def _target_axes(
    rng: np.random.Generator,
    source: RestyleSource,
    warp: Deformation,
    habitus: Habitus,
    spacing_mm: tuple[float, float, float],
    options: RestyleOptions,
) -> tuple[Axis, Axis, Axis]:
    """Coordinates of the new grid: the body with some air around it, without ends the source does not reach."""
    survey = tuple(np.arange(-r + SURVEY_MM, r, SURVEY_MM) for r in warp.reach_mm)
    x, y, z = warp.source_points((survey[0], survey[1], survey[2]))
    half = _half_extent_mm(source)
    outline = _sampled_distance(source, source.outline_mm, (x, y, z))
    inside = outline < habitus.fat_mm * (1.0 + max(habitus.front, 0.0))
    beyond = (np.abs(z) > half[2] + OVERHANG_MM) & inside
    usable = np.flatnonzero(beyond.mean(axis=(0, 1)) < 0.01)
    usable = usable[np.abs(survey[2][usable]) < half[2] * warp.scale[2] + OVERHANG_MM]
    low, high = float(survey[2][usable[0]]), float(survey[2][usable[-1]])
    if options.length_mm is not None and options.length_mm < high - low:
        low += float(rng.uniform(0.0, high - low - options.length_mm))
        high = low + options.length_mm
    within = inside[:, :, (survey[2] >= low - SURVEY_MM) & (survey[2] <= high + SURVEY_MM)]
    ends = [_bounds(np.flatnonzero(within.any(axis=(1 - a, 2))), survey[a], rng, options) for a in (0, 1)]
    i, j, k = (np.arange(a, b + 1e-6, s) for (a, b), s in zip([*ends, (low, high)], spacing_mm, strict=True))
    return i, j, k


def _bounds(
    occupied: NDArray[np.intp], survey_mm: Axis, rng: np.random.Generator, options: RestyleOptions
) -> tuple[float, float]:
    where = survey_mm[occupied]
    before, behind = rng.uniform(*options.margin_mm, 2)
    return float(where[0] - before), float(where[-1] + behind)


def _sampled_parts(source: RestyleSource, warp: Deformation, axes: tuple[Axis, Axis, Axis]) -> NDArray[np.uint8]:
    """The part nearest to every target voxel's centre: unbiased in volume, also for structures thinner than it."""
    points = warp.source_points(axes)
    flat = np.zeros(points[0].shape, np.int64)
    for coordinate, n, s in zip(points, source.labels.shape, source.spacing_mm, strict=True):
        index = np.rint(coordinate / np.float32(s) + np.float32((n - 1) / 2)).astype(np.int64)
        flat = flat * n + np.clip(index, 0, n - 1)
    return source.labels.ravel()[flat]


def _sampled_distance(source: RestyleSource, distance: Field, points: tuple[Field, Field, Field]) -> Field:
    """One of the source's hull distances at points in source mm."""
    indices = [
        (p / np.float32(s) + np.float32((n - 1) / 2)) / HULL_STEP + pad
        for p, s, n, pad in zip(points, source.spacing_mm, source.labels.shape, (HULL_PAD, HULL_PAD, 0), strict=True)
    ]
    found: Field = ndimage.map_coordinates(distance, np.stack(indices), order=1, mode="nearest")
    return found


def _tissues(
    rng: np.random.Generator,
    source: RestyleSource,
    warp: Deformation,
    axes: tuple[Axis, Axis, Axis],
    parts: NDArray[np.uint8],
    habitus: Habitus,
) -> NDArray[np.uint8]:
    spacing = (axes[0][1] - axes[0][0], axes[1][1] - axes[1][0], axes[2][1] - axes[2][0])
    bone = np.array([p.material in BONES for p in source.parts])[parts]
    inner, outline = _distances(source, warp, axes)
    tissue = surround(rng, Surroundings(inner, outline, bone), spacing, habitus)
    fill_parts(rng, parts, [p.material for p in source.parts], spacing, tissue)
    return tissue


def _distances(source: RestyleSource, warp: Deformation, axes: tuple[Axis, Axis, Axis]) -> tuple[Field, Field]:
    """Hull distances on the target grid, by way of a grid three times as coarse."""
    coarse = tuple(np.append(a[::3], a[-1]) for a in axes)
    points = warp.source_points((coarse[0], coarse[1], coarse[2]))
    where = [np.interp(a, c, np.arange(len(c))) for a, c in zip(axes, coarse, strict=True)]
    size = np.float32(np.sqrt(warp.scale[0] * warp.scale[1]))
    inner, outline = (
        size * sample_axes(_sampled_distance(source, d, points), (where[0], where[1], where[2]))
        for d in (source.inner_mm, source.outline_mm)
    )
    return inner, outline


def _truth(
    rng: np.random.Generator,
    source: RestyleSource,
    parts: NDArray[np.uint8],
    tissue: NDArray[np.uint8],
    affine: NDArray[np.float64],
) -> Segmentation:
    """Bits by lookup; the liver's and the lungs' vessels are painted into `tissue` on the way."""
    own = [key for key in STRUCTURES.keys if key in source.annotated and key not in STRUCTURES.default_keys]
    classes = (*STRUCTURES.default_keys, *own)
    table = np.zeros((planes_for(len(classes)), len(source.parts)), np.uint64)
    for k, part in enumerate(source.parts):
        for plane, bit in (divmod(classes.index(key), BITS_PER_PLANE) for key in part.structures):
            table[plane, k] |= np.uint64(1 << bit)
    annotated = set(source.annotated) | {key for key in STRUCTURES.default_keys if STRUCTURES[key].is_lesion}
    truth = Segmentation(np.stack([plane[parts] for plane in table]), affine, classes, frozenset(annotated))
    paint_lung_vessels(rng, truth, tissue)
    if "liver" in annotated:
        vessels = paint_liver_vessels(rng, truth, tissue)
        truth.bits[0][vessels] |= np.uint64(1 << classes.index("hepatic_vessel"))
        truth = Segmentation(truth.bits, affine, classes, frozenset(annotated | {"hepatic_vessel"}))
    return truth
