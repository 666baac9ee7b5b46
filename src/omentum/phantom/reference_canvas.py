"""A grid in the coordinates of the reference body, on which parts are painted: first come, first served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from omentum.phantom.label_names import AnatomicalPart
from omentum.phantom.template import Numbers, Template
from omentum.phantom.texture import Field

Mask = NDArray[np.bool_]
Box = tuple[slice, slice, slice]
NOTHING, GAP = AnatomicalPart((), "nothing"), AnatomicalPart((), "gap")
SURVEY_STEP = 4
SAMPLE_MM = 1.5
WARP_SLACK_MM = 6.0
"""How much a sheared bounding box may miss between two surveyed voxels."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """What has been painted so far.

    Args:
        points: Where every voxel lies in the reference body, mm; three arrays of the grid's shape.
        taken: uint8, index into `parts`.
        bumps: Random field of unit SD that dents the surfaces.
        inner_mm: Distance to the wall of chest, abdomen and pelvis, negative inside.
        outline_mm: Distance to the surface of the muscles, negative inside.
        spacing_mm: Of the grid.
        missing: Structures this person does not have.
        extra: Structures beyond the packaged ones that this person has; see `extra_structures`.
        parts: What the values mean; the first is nothing, the second room that must stay free.
    """

    points: tuple[Field, Field, Field]
    taken: NDArray[np.uint8]
    bumps: Field
    inner_mm: Field
    outline_mm: Field
    spacing_mm: tuple[float, float, float]
    missing: frozenset[str] = frozenset()
    extra: frozenset[str] = frozenset()
    parts: list[AnatomicalPart] = field(default_factory=lambda: [NOTHING, GAP])

    def window(self, low_mm: Sequence[float] | Numbers, high_mm: Sequence[float] | Numbers) -> Box | None:
        """Indices that hold every voxel between two corners, given in reference mm; None when there is none."""
        reach = [WARP_SLACK_MM + SURVEY_STEP * s for s in self.spacing_mm]
        step = slice(None, None, SURVEY_STEP)
        inside = np.ones(self.taken[step, step, step].shape, bool)
        for p, low, high, more in zip(self.points, low_mm, high_mm, reach, strict=True):
            coarse = p[step, step, step]
            inside &= (coarse > low - more) & (coarse < high + more)
        spans = [np.flatnonzero(inside.any(axis=other)) for other in ((1, 2), (0, 2), (0, 1))]
        if len(spans[0]) == 0:
            return None
        i, j, k = (
            slice(max(0, int(s[0] - 1) * SURVEY_STEP), min(n, int(s[-1] + 2) * SURVEY_STEP))
            for s, n in zip(spans, self.taken.shape, strict=True)
        )
        return i, j, k

    def at(self, box: Box) -> tuple[Field, Field, Field]:
        """Reference coordinates of a window."""
        x, y, z = (p[box] for p in self.points)
        return x, y, z

    def claim(self, box: Box, where: Mask, part: AnatomicalPart) -> None:
        """Assign the free voxels in `where` to a part."""
        if self.missing & set(part.structures):
            return
        if part not in self.parts:
            self.parts.append(part)
        self.taken[box][where & (self.taken[box] == 0)] = self.parts.index(part)

    def distance(self, samples: Numbers, reach_mm: float = 0.0) -> tuple[Box, Field] | None:
        """Distance to the surface of balls (x, y, z, radius), negative inside; infinite beyond `reach_mm`."""
        far = float(samples[:, 3].max()) + reach_mm
        low, high = samples[:, :3].min(axis=0) - far, samples[:, :3].max(axis=0) + far
        box = self.window(low, high)
        if box is None:
            return None
        near = self.taken[box] == 0
        for p, a, b in zip(self.at(box), low, high, strict=True):
            near &= (p > a) & (p < b)
        wanted = np.stack([p[near] for p in self.at(box)], axis=1)
        away, nearest = cKDTree(samples[:, :3]).query(wanted, distance_upper_bound=far)
        out: Field = np.full(near.shape, np.inf, np.float32)
        out[near] = away - np.append(samples[:, 3], 0.0)[nearest]
        return box, out

    def tube(self, path: Numbers, part: AnatomicalPart, gap_mm: float = 0.0) -> None:
        """A tube along the points (x, y, z, radius), with some room kept around it."""
        self.balls(along(path), part, gap_mm)

    def balls(self, samples: Numbers, part: AnatomicalPart, gap_mm: float = 0.0) -> None:
        """The union of many balls, see `tube`."""
        found = self.distance(samples, gap_mm)
        if found is not None:
            box, away = found
            self.claim(box, away < 0, part)
            if gap_mm > 0 and not self.missing & set(part.structures):
                self.claim(box, away < gap_mm, GAP)

    def ellipsoid(
        self,
        centre: Sequence[float] | Numbers,
        radii: Sequence[float] | Numbers,
        turn: Numbers | None = None,
        dents: float = 0.05,
    ) -> tuple[Box, Field] | None:
        """Relative radius of every voxel around a centre, 1 on the surface.

        Args:
            centre: In mm.
            radii: Along the axes, in mm.
            turn: 3x3 rotation of the axes.
            dents: SD of the surface as a share of the radius.
        """
        reach = np.full(3, max(radii)) if turn is not None else np.array(radii)
        reach = reach * (1.0 + 3.0 * dents)
        box = self.window(np.array(centre) - reach, np.array(centre) + reach)
        if box is None:
            return None
        x, y, z = (p - np.float32(c) for p, c in zip(self.at(box), centre, strict=True))
        rows = (np.eye(3) if turn is None else turn.T) / np.array(radii)[:, None]
        total: Field = np.zeros(x.shape, np.float32)
        for a, b, c in rows.astype(np.float32):
            total += np.square(a * x + b * y + c * z)
        return box, np.sqrt(total) + np.float32(dents) * self.bumps[box]


def along(path: Numbers, step_mm: float = SAMPLE_MM) -> Numbers:
    """Samples of a smooth curve through the rows, equally spaced; all columns are interpolated."""
    chord = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(path[:, :3], axis=0), axis=1)))
    where = np.linspace(0.0, chord[-1], max(2, int(chord[-1] / step_mm) + 1))
    if len(path) < 3:
        return np.stack([np.interp(where, chord, column) for column in path.T], axis=1)
    samples: Numbers = CubicSpline(chord, path, axis=0, bc_type="natural")(where)
    return samples


def plate(rows: Sequence[Numbers], half_thickness_mm: float) -> Numbers:
    """Samples of a curved plate through rows of points, as balls."""
    count = 2 + int(max(np.linalg.norm(np.diff(row, axis=0), axis=1).sum() for row in rows) / 2.5)
    lines = [along(row) for row in rows]
    across = np.stack([line[np.linspace(0, len(line) - 1, count).astype(int)] for line in lines])
    points = np.concatenate([along(across[:, n], 2.5) for n in range(count)])
    return np.column_stack([points, np.full(len(points), half_thickness_mm)])


def mirrored(rows: Numbers, template: Template) -> Numbers:
    """The same on the other side of the body."""
    out = rows.copy()
    out[:, 0] = 2 * template.midline_x - rows[:, 0]
    return out


def outline_distance_mm(outline: Numbers, midline_x: float, points: tuple[Field, Field, Field]) -> Field:
    """Radial distance to a stack of superellipses, negative inside.

    Args:
        outline: Rows z, half width, y of the back, y of the front; z falls.
        midline_x: Their middle.
        points: Where.
    """
    x, y, z = points
    half, back, front = (np.interp(z, outline[::-1, 0], outline[::-1, n]).astype(np.float32) for n in (1, 2, 3))
    dx, dy = np.abs(x - np.float32(midline_x)) + np.float32(0.01), y - (back + front) / 2
    square = np.where(dy < 0, np.float32(3.4), np.float32(2.5))  # the ribs swing backwards beside the spine
    rho = np.power(np.power(dx / half, square) + np.power(np.abs(2 * dy) / (front - back), square), 1 / square)
    distance: Field = (np.hypot(dx, dy) * (1.0 - 1.0 / rho)).astype(np.float32)
    return distance
