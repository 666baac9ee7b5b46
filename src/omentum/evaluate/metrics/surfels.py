"""Area of the surface in the cube between eight neighbouring voxel centres, for any voxel spacing.

The surface is the one of marching cubes (Lorensen and Cline 1987) with vertices halfway between voxel centres. A cube
is described by its neighbour code: bit 7 - (4 i + 2 j + k) says whether corner (i, j, k) lies in the mask. Three rules
make the table, the same for a code, its mirror images and its complement:

- the side with fewer corners decides, and its corners form one piece only if joined along edges;
- each piece is cut off by the polygon through the midpoints of the edges that leave it;
- a non-planar polygon (five vertices, some of six) is divided into the triangles with the largest area on the unit
  cube. This is a convention; with it, areas agree with google-deepmind/surface-distance for all 256 codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

Corner = tuple[int, ...]
Point = tuple[float, ...]

CORNERS: tuple[Corner, ...] = tuple(product((0, 1), repeat=3))
CODES = 256


def surfel_areas(spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """Area of the surface element of each neighbour code.

    Args:
        spacing_mm: Voxel spacing along the three axes.

    Returns:
        mm², float64 [256]; 0 for codes 0 (outside) and 255 (inside).
    """
    codes, vectors = _area_vectors()
    a, b, c = spacing_mm
    areas = np.linalg.norm(vectors * (b * c, a * c, a * b), axis=1)
    table: NDArray[np.float64] = np.bincount(codes, areas, minlength=CODES).astype(np.float64)
    return table


@cache
def _area_vectors() -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Triangles of all codes on the unit cube: code [n], and normal with the length of the area [n, 3]."""
    found = [(code, vector) for code in range(CODES) for piece in _pieces(code) for vector in _cut(piece)]
    return np.array([code for code, _ in found]), np.array([vector for _, vector in found])


def _pieces(code: int) -> list[frozenset[Corner]]:
    """Corners on the smaller side, grouped by connection along edges."""
    inside = {corner for n, corner in enumerate(CORNERS) if code >> (7 - n) & 1}
    left = inside if len(inside) <= 4 else set(CORNERS) - inside
    pieces = []
    while left:
        piece = {left.pop()}
        while joined := {corner for corner in left if any(_edge(corner, other) for other in piece)}:
            piece |= joined
            left -= joined
        pieces.append(frozenset(piece))
    return pieces


@cache
def _cut(piece: frozenset[Corner]) -> tuple[Point, ...]:
    """Area vectors of the triangles that cut a piece off the cube."""
    ways = _triangulations(_polygon(piece))
    vectors = [np.array([np.cross(q - p, r - p) / 2 for p, q, r in np.array(way)]) for way in ways]
    largest = max(vectors, key=lambda way: float(np.linalg.norm(way, axis=1).sum()))
    return tuple(map(tuple, largest))


def _polygon(piece: frozenset[Corner]) -> list[Point]:
    """Midpoints of the edges that leave the piece, in order: each face of the cube is crossed never or twice."""
    pairs = [(c, d) for c in piece for d in CORNERS if d not in piece and _edge(c, d)]
    left = [tuple((a + b) / 2 for a, b in zip(c, d, strict=True)) for c, d in pairs]
    polygon = [left.pop()]
    while left:
        polygon.append(left.pop(next(n for n, point in enumerate(left) if _same_face(point, polygon[-1]))))
    return polygon


def _triangulations(polygon: list[Point]) -> list[list[tuple[Point, Point, Point]]]:
    """All triangulations of a polygon along its diagonals."""
    if len(polygon) < 3:
        return [[]]
    return [
        [*before, (polygon[0], polygon[n], polygon[-1]), *after]
        for n in range(1, len(polygon) - 1)
        for before in _triangulations(polygon[: n + 1])
        for after in _triangulations(polygon[n:])
    ]


def _edge(one: Corner, other: Corner) -> bool:
    return sum(a != b for a, b in zip(one, other, strict=True)) == 1


def _same_face(one: Point, other: Point) -> bool:
    return any(a == b and a in (0, 1) for a, b in zip(one, other, strict=True))
