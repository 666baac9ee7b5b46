"""The reference body as numbers, see body_template.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Template:
    """Rows as in body_template.toml, all lengths in mm.

    Args:
        midline_x: Where the middle of the body is.
        vertebrae: C7..L5, shape (18, 5): z, y, half width, half depth, length of the spinous process.
        outlines: Shape (n, 4) each: z, half width, y of the back, y of the front; z falls.
        ribs: Right ribs 1-12, shape (n, 3) each.
        cartilages: Of the right ribs 1-10, shape (n, 3) each.
        paths: Shape (n, 4) each: x, y, z, radius.
        sheets: Half thickness and rows of points, each shape (n, 3).
    """

    midline_x: float
    vertebrae: Numbers
    outlines: dict[str, Numbers]
    ribs: tuple[Numbers, ...]
    cartilages: tuple[Numbers, ...]
    paths: dict[str, Numbers]
    sheets: dict[str, tuple[float, tuple[Numbers, ...]]]


@cache
def load_template() -> Template:
    """Read the packaged file, once."""
    raw = tomllib.loads((resources.files("omentum.phantom") / "body_template.toml").read_text(encoding="utf-8"))
    ribs = raw["ribs"]
    return Template(
        midline_x=float(raw["midline_x"]),
        vertebrae=_rows(raw["spine"]["bodies"]),
        outlines={name: _rows(rows) for name, rows in raw["outlines"].items()},
        ribs=tuple(_rows(ribs[f"r{k}"]) for k in range(1, 13)),
        cartilages=tuple(_rows(rows) for rows in ribs["cartilage"]),
        paths={name: _rows(rows) for name, rows in raw["paths"].items()},
        sheets={name: _sheet(sheet) for name, sheet in raw["sheets"].items()},
    )


def _rows(rows: list[list[float]]) -> Numbers:
    return np.array(rows, np.float64)


def _sheet(raw: dict[str, Any]) -> tuple[float, tuple[Numbers, ...]]:
    return float(raw["half_thickness"]), tuple(_rows(row) for row in raw["rows"])
