"""Render the synthetic patients: one scan per patient, shared by all datasets that ship it.

Each body is built whole, then cropped to the field of view of the site that scanned it, so that the anatomical range is
consistent within a dataset, as in real collections.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np

from omentum.data.datasets.sites.table import Site, origin_of
from omentum.phantom import (
    BodyOptions,
    LesionOptions,
    PhantomBody,
    PhantomCase,
    build_body,
    draw_protocol,
    insert_lesions,
    scan,
)
from omentum.phantom.procedural import MIDDLE_MM
from omentum.phantom.tissue import Phase
from omentum.segmentation import Segmentation
from omentum.volume import Grid

Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class Studio:
    """Everything that determines a patient's scan, besides the name.

    Args:
        seed: Random seed.
        finest_mm: Lower bound of the voxel size along x, y, z, in mm; rendering at the real spacings takes minutes per
            case.
        bodies: Number of distinct bodies, reused with each patient's own lesions, field of view and contrast; 0 builds
            one per patient.
    """

    seed: int = 0
    finest_mm: Spacing = (1.6, 1.6, 3.0)
    bodies: int = 0

    def scan_of(self, patient: str) -> PhantomCase:
        """CT of a patient and ground truth of all 32 structures, RAS+; deterministic per name."""
        return _scan_of(self, patient)

    def body_number(self, patient: str) -> int:
        """Index of a patient's body."""
        number = zlib.crc32(patient.encode())
        return number % self.bodies if self.bodies else number


@lru_cache(maxsize=4)
def _scan_of(studio: Studio, patient: str) -> PhantomCase:
    site = origin_of(patient)
    rng = np.random.default_rng((studio.seed, zlib.crc32(patient.encode())))
    spacing_mm = _spacing(rng, site, studio.finest_mm)
    body = _cropped(_whole_body(studio.seed, studio.body_number(patient), spacing_mm), rng, site)
    body = insert_lesions(body, rng, LesionOptions(odds=site.lesions))
    protocol = draw_protocol(rng, cast(Phase, str(rng.choice(site.phases))))
    facts = {**body.facts, "patient": patient, "scanned_at": site.key, "protocol": protocol.to_facts()}
    return PhantomCase(scan(body, rng, protocol), body.truth, facts)


@lru_cache(maxsize=6)
def _whole_body(seed: int, number: int, spacing_mm: Spacing) -> PhantomBody:
    return build_body(np.random.default_rng((seed, number, 1)), spacing_mm, BodyOptions(extent="whole"))


def _spacing(rng: np.random.Generator, site: Site, finest_mm: Spacing) -> Spacing:
    in_plane, between = float(rng.uniform(*site.in_plane_mm)), float(rng.choice(site.slice_mm))
    x, y, z = (round(max(mm, least), 2) for mm, least in zip((in_plane, in_plane, between), finest_mm, strict=True))
    return x, y, z


def _cropped(body: PhantomBody, rng: np.random.Generator, site: Site) -> PhantomBody:
    """Crop a body to the slices within the site's field of view."""
    stretch = body.facts["scale"][2]
    low_mm, high_mm = ((rng.uniform(*span) - MIDDLE_MM[2]) * stretch for span in site.field_mm)
    origin_mm, step_mm = body.grid.affine[2, 3], body.grid.spacing_mm[2]
    first, last = (round(float((mm - origin_mm) / step_mm)) for mm in (low_mm, high_mm))
    kept = slice(max(first, 0), min(last + 1, body.grid.shape[2]))
    affine = body.grid.affine.copy()
    affine[2, 3] += kept.start * step_mm
    truth = Segmentation(body.truth.bits[..., kept].copy(), affine, body.truth.classes)
    return PhantomBody(Grid(truth.shape, affine), body.tissue[:, :, kept].copy(), truth, body.facts)
