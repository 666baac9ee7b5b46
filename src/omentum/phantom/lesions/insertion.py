"""Tumours and cysts, inserted into the organs of a body."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import edt
import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.phantom.body import PhantomBody
from omentum.phantom.lesions.kinds import DEFAULT_ODDS, YIELDING, Blob, LesionKind, draw_kind
from omentum.phantom.lesions.look_alikes import insert_look_alikes
from omentum.phantom.lesions.margins import draw_margin
from omentum.phantom.lesions.shape import one_piece, radial
from omentum.phantom.tissue import tissue_index
from omentum.segmentation import Segmentation

Mask = NDArray[np.bool_]

PROTECTED = ("aorta", "portal_splenic_vein", "inferior_vena_cava", "coeliac_trunk")
"""Large vessels outside the organs that no lesion replaces."""
SMALLEST_HOST_ML = 5.0


@dataclass(frozen=True)
class LesionOptions:
    """Which lesions to insert.

    Args:
        odds: Probability, by structure, that a patient has lesions of this kind. `hepatic_vessel_tumour` is no key
            of its own: the Medical Segmentation Decathlon's hepatic vessel task marks liver tumours, so it always
            is the same voxels as `liver_tumour`.
        size: Factor on all diameters.
        look_alikes: Factor on the odds of benign findings that are mistaken for lesions; see look_alikes.toml.
    """

    odds: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_ODDS))
    size: float = 1.0
    look_alikes: float = 1.0


def insert_lesions(
    body: PhantomBody, rng: np.random.Generator, options: LesionOptions = LesionOptions()
) -> PhantomBody:
    """Put lesions into the organs a body has.

    A lesion's voxels stay its host's; where it bulges out, the host grows with it, but never into another labelled
    structure. Everything is as exact as the voxels are: what is painted is what the truth says.

    Returns:
        A new body; `facts["lesions"]` lists structure, kind, host, centre (RAS+ mm), diameter (mm) and volume (ml).
    """
    truth = Segmentation(body.truth.bits.copy(), body.grid.affine, body.truth.classes, body.truth.annotated)
    tissue = body.tissue.copy()
    found: list[dict[str, Any]] = []
    for structure, odds in options.odds.items():
        if structure in truth.classes and rng.random() < odds:
            found += _insert_kind(rng, truth, tissue, structure, options.size)
    diseased = PhantomBody(body.grid, tissue, truth, {**body.facts, "lesions": found})
    if options.look_alikes <= 0:
        return diseased
    return insert_look_alikes(diseased, rng.spawn(1)[0], options.look_alikes)


def _insert_kind(
    rng: np.random.Generator, truth: Segmentation, tissue: NDArray[np.uint8], structure: str, size: float
) -> list[dict[str, Any]]:
    kind = draw_kind(rng, structure)
    hosts = [h for h in kind.hosts if h in truth.classes and _volume_ml(truth, h) > SMALLEST_HOST_ML]
    found = []
    for _ in range(kind.count if hosts else 0):
        host = str(rng.choice(hosts))
        lesion = _insert_one(rng, truth, tissue, kind, host, size)
        if lesion is not None:
            found.append(lesion)
    return found


def _insert_one(
    rng: np.random.Generator,
    truth: Segmentation,
    tissue: NDArray[np.uint8],
    kind: LesionKind,
    host: str,
    size: float,
) -> dict[str, Any] | None:
    blob = kind.draw_blob(rng, size)
    free = (truth.bits[0] & _lasting(truth, kind)) == 0
    centre = _place(rng, truth.mask(host) & free, truth.grid.spacing_mm, blob, kind)
    if centre is None:
        return None
    box, r, offset = radial(rng, truth.grid, centre, blob)
    edge = rng.spawn(1)[0]
    r = draw_margin(edge, blob.name).applied(edge, r, offset, truth.grid.spacing_mm, blob.radius_mm)
    allowed = _room(truth, tissue, box, host, kind, blob)
    shape = one_piece((r < 1.0) & allowed, r)
    shape = blob.paint(rng, tissue[box], r, shape, truth.grid.spacing_mm)
    if not shape.any():
        return None
    _mark(truth, box, shape, (*kind.structures, host))
    where = np.argwhere(shape).mean(axis=0) + [s.start for s in box]
    volume_ml = float(shape.sum() * truth.grid.voxel_volume_ml)
    return {
        "structure": kind.structures[0],
        "kind": blob.name,
        "host": host,
        "centre_mm": [round(float(c), 1) for c in truth.grid.to_world(where)],
        "diameter_mm": round(2.0 * (volume_ml * 750.0 / math.pi) ** (1 / 3), 1),
        "volume_ml": round(volume_ml, 3),
    }


def _place(
    rng: np.random.Generator, host: Mask, spacing_mm: tuple[float, float, float], blob: Blob, kind: LesionKind
) -> NDArray[np.intp] | None:
    """Draw a voxel of the host, deep enough that only the given fraction of the lesion bulges out."""
    depth = edt.edt(host, anisotropy=spacing_mm, black_border=True)
    wanted = min(blob.radius_mm * (1.0 - 2.0 * kind.bulge * rng.random()), 0.8 * float(depth.max()))
    where = np.argwhere((depth > 0) & (depth >= wanted))
    if len(where) == 0:
        return None
    chosen: NDArray[np.intp] = where[rng.integers(len(where))]
    return chosen


def _room(
    truth: Segmentation,
    tissue: NDArray[np.uint8],
    box: tuple[slice, slice, slice],
    host: str,
    kind: LesionKind,
    blob: Blob,
) -> Mask:
    """Where the lesion may be: in its host, and a little beyond where there is only fat."""
    bits = truth.bits[0][box]
    inside = truth.mask(host)[box]
    others = (bits & ~_bits(truth, (host, "hepatic_vessel", *kind.structures))) != 0
    others |= (truth.bits[1:, *box] != 0).any(axis=0)
    yielding = np.isin(tissue[box], [tissue_index(name) for name in YIELDING])
    beyond = ~inside & ~others & yielding if kind.bulge > 0 else np.zeros_like(inside)
    if beyond.any():
        far = edt.edt(~inside, anisotropy=truth.grid.spacing_mm, black_border=False)
        beyond &= far <= 2.0 * kind.bulge * blob.radius_mm
    return np.asarray((inside & ((bits & _lasting(truth, kind)) == 0)) | beyond)


def _lasting(truth: Segmentation, kind: LesionKind) -> np.uint64:
    """Bits of what this lesion does not replace: great vessels, and lesions of other kinds."""
    lesions = (s.key for s in STRUCTURES if s.is_lesion and s.key not in kind.structures)
    return _bits(truth, (*PROTECTED, *lesions))


def _mark(truth: Segmentation, box: tuple[slice, slice, slice], shape: Mask, keys: tuple[str, ...]) -> None:
    truth.bits[0][box][shape] |= _bits(truth, keys)
    if "hepatic_vessel" in truth.classes and "liver" in keys:
        truth.bits[0][box][shape] &= ~_bits(truth, ("hepatic_vessel",))


def _bits(truth: Segmentation, keys: tuple[str, ...]) -> np.uint64:
    return np.uint64(sum(1 << truth.classes.index(key) for key in keys if key in truth.classes))


def _volume_ml(truth: Segmentation, key: str) -> float:
    return float(truth.mask(key).sum() * truth.grid.voxel_volume_ml)
