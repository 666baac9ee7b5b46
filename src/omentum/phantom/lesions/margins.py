"""The edge of a lesion: sharp, ragged where it infiltrates, or drawn out into spicules."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from omentum.phantom.texture import smooth_field

STRAND_MM = 2.5
"""Strands of an infiltrating edge are about so thick."""
SPICULE_WIDTH = 0.06
"""1 - cosine of the angle between a spicule's axis and its edge."""


@dataclass(frozen=True, eq=False)
class Margin:
    """How the surface of one lesion differs from a smooth one.

    Args:
        ragged_mm: SD of the fine displacement of the surface; the scanner's blur turns it into a gradient.
        spicules: Unit vectors [n, 3] of radial strands.
        reach: How far a spicule reaches beyond the surface, relative to the radius.
    """

    ragged_mm: float
    spicules: NDArray[np.float64]
    reach: float

    def applied(
        self,
        rng: np.random.Generator,
        r: NDArray[np.float32],
        offset: NDArray[np.float64],
        spacing_mm: tuple[float, float, float],
        radius_mm: float,
    ) -> NDArray[np.float32]:
        """Move the surface, which is where `r` is 1.

        Args:
            rng: Of the fine displacement.
            r: Distance from the centre relative to the surface, [i, j, k].
            offset: Of each voxel from the centre in mm, [i, j, k, 3].
            spacing_mm: Of the grid.
            radius_mm: Of the lesion.
        """
        if self.ragged_mm > 0:
            i, j, k = r.shape
            amount = np.float32(min(self.ragged_mm / radius_mm, 0.35))
            r = r + amount * smooth_field(rng, (i, j, k), spacing_mm, STRAND_MM)
        if len(self.spicules):
            along = offset / np.maximum(np.linalg.norm(offset, axis=-1, keepdims=True), 1e-6)
            nearness = np.exp((np.max(along @ self.spicules.T, axis=-1) - 1.0) / SPICULE_WIDTH)
            r = r / (1.0 + np.float32(self.reach) * nearness.astype(np.float32))
        return r


@cache
def _rows() -> Mapping[str, Mapping[str, list[float]]]:
    text = (resources.files("omentum.phantom.lesions") / "margins.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def draw_margin(rng: np.random.Generator, name: str) -> Margin:
    """The margin of a lesion of a kind, as named in `Blob.name`; kinds without a row of margins.toml are sharp."""
    row = _rows().get(name, {})
    sharpest, most_ragged = row.get("ragged_mm", (0.0, 0.0))
    fewest, most = row.get("spicules", (0, 0))
    ragged_mm = float(rng.uniform(sharpest, most_ragged))
    count = int(rng.integers(int(fewest), int(most), endpoint=True))
    axes = rng.standard_normal((count, 3))
    return Margin(
        ragged_mm=ragged_mm,
        spicules=axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-6),
        reach=float(rng.uniform(0.3, 0.8)),
    )
