"""Findings that look like tumours and are none, as counter-examples: they change the tissue and never the truth."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import edt
import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.phantom.body import PhantomBody
from omentum.phantom.lesions.kinds import random_blob, random_radius
from omentum.phantom.lesions.shape import one_piece, radial
from omentum.phantom.tissue import TISSUES


@dataclass(frozen=True)
class LookAlike:
    """One row of look_alikes.toml; see its head for the meaning of each column."""

    name: str
    hosts: tuple[str, ...]
    odds: float
    count: tuple[int, int]
    radius_mm: tuple[float, float, float, float]
    layers: tuple[tuple[float, str], ...]
    stretch: float
    roughness: float


@cache
def look_alikes() -> tuple[LookAlike, ...]:
    """The packaged table, in file order."""
    text = (resources.files("omentum.phantom.lesions") / "look_alikes.toml").read_text(encoding="utf-8")
    return tuple(_row(name, columns) for name, columns in tomllib.loads(text).items())


def _row(name: str, columns: dict[str, Any]) -> LookAlike:
    median_mm, sigma, least_mm, most_mm = columns["radius_mm"]
    least, most = columns["count"]
    return LookAlike(
        name=name,
        hosts=tuple(columns["hosts"]),
        odds=columns["odds"],
        count=(least, most),
        radius_mm=(median_mm, sigma, least_mm, most_mm),
        layers=tuple((float(outer), str(tissue)) for outer, tissue in columns["layers"]),
        stretch=columns["stretch"],
        roughness=columns["roughness"],
    )


def insert_look_alikes(body: PhantomBody, rng: np.random.Generator, odds: float = 1.0) -> PhantomBody:
    """Put benign findings into the organs a body has, outside of its lesions, vessels and airways.

    Args:
        body: With its lesions, which stay as they are.
        rng: Source of randomness.
        odds: Factor on the odds of every kind.

    Returns:
        A new body; `facts["look_alikes"]` lists kind, host, centre (RAS+ mm) and volume (ml).
    """
    tissue = body.tissue.copy()
    found: list[dict[str, Any]] = []
    free = _replaceable(body)
    for kind in look_alikes():
        if rng.random() < min(odds * kind.odds, 1.0):
            for _ in range(int(rng.integers(*kind.count, endpoint=True))):
                found += _insert(rng, body, tissue, free, kind)
    return PhantomBody(body.grid, tissue, body.truth, {**body.facts, "look_alikes": found})


def _replaceable(body: PhantomBody) -> NDArray[np.bool_]:
    """What may become something else: no lesion, and no vessel, airway or gas."""
    kept = [k for k, tissue in enumerate(TISSUES) if tissue.family in ("blood", "air")]
    free = ~np.isin(body.tissue, kept)
    for key in body.truth.classes:
        if STRUCTURES[key].is_lesion:
            free &= ~body.truth.mask(key)
    return np.asarray(free)


def _insert(
    rng: np.random.Generator,
    body: PhantomBody,
    tissue: NDArray[np.uint8],
    free: NDArray[np.bool_],
    kind: LookAlike,
) -> list[dict[str, Any]]:
    hosts = [host for host in kind.hosts if host in body.truth.classes]
    if not hosts:
        return []
    host = str(rng.choice(hosts))
    room = body.truth.mask(host) & free
    median_mm, sigma, least_mm, most_mm = kind.radius_mm
    radius_mm = random_radius(rng, median_mm, sigma, (least_mm, most_mm), 1.0)
    depth = edt.edt(room, anisotropy=body.grid.spacing_mm, black_border=True)
    where = np.argwhere((depth > 0) & (depth >= min(0.7 * radius_mm, 0.5 * float(depth.max()))))
    if len(where) == 0:
        return []
    roughness = (0.5 * kind.roughness, 1.5 * kind.roughness)
    blob = random_blob(rng, kind.name, radius_mm, kind.layers, roughness=roughness, stretch=kind.stretch)
    centre = where[rng.integers(len(where))]
    box, r, _ = radial(rng, body.grid, centre, blob)
    shape = one_piece((r < 1.0) & room[box], r)
    blob.paint(rng, tissue[box], r, shape, body.grid.spacing_mm)
    middle = [round(float(c), 1) for c in body.grid.to_world(centre)]
    volume_ml = round(float(shape.sum() * body.grid.voxel_volume_ml), 3)
    return [{"kind": kind.name, "host": host, "centre_mm": middle, "volume_ml": volume_ml}]
