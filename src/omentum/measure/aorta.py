"""Diameters of the aorta along its course: cross-sections every 5 mm, perpendicular to its centreline.

Only the mask is measured: calcified walls and thrombus count if the mask includes them. Short side branches remain part
of the sections they leave from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from omentum.boxes import grown
from omentum.json_values import from_json_values
from omentum.measure.centreline import Centreline, centreline, evenly
from omentum.measure.plane_sections import CrossSection, SectionSampler
from omentum.segmentation import Segmentation
from omentum.volume import Grid

Points = NDArray[np.float64]

AORTA = "aorta"
STATION_MM = 5.0
ROUNDS = 3
"""Number of iterations that move the centreline to the centres of its sections."""
ROUGH, FINE = 49, 97
"""Samples along an edge of a section's window: during centreline refinement, and for the measurement."""


MARGIN_MM = 4.0
"""Initial half width of a section's window: two radii plus this margin."""


@dataclass(frozen=True)
class Station:
    """One cross-section of the aorta.

    Args:
        along_mm: Distance along the centreline from its upper end.
        centre_mm: Centre of the section, RAS+ mm.
        equivalent_mm, largest_mm: Diameter of the circle of equal area, and the largest diameter, both in the plane of
            the section.
    """

    along_mm: float
    centre_mm: tuple[float, float, float]
    equivalent_mm: float
    largest_mm: float


@dataclass(frozen=True)
class AorticProfile:
    """Diameters of the largest connected component of the aorta.

    Args:
        stations: Sections every 5 mm from the upper end of the centreline; only those that the image shows completely.
        plane: "perpendicular" to the centreline, or "axial" if less than two diameters of length are in the image, too
            short to estimate the direction; an oblique aorta is then overestimated.
        partly_imaged: The image truncates the aorta, so a larger diameter may lie outside.
    """

    stations: tuple[Station, ...]
    plane: str
    partly_imaged: bool

    @property
    def maximum(self) -> Station | None:
        """The section with the largest area; None without sections."""
        return max(self.stations, key=lambda s: s.equivalent_mm, default=None)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        most = self.maximum
        content = {"maximum": None if most is None else asdict(most), "stations": [asdict(s) for s in self.stations]}
        return {"plane": self.plane, "partly_imaged": self.partly_imaged} | content

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> AorticProfile:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, raw)


def aortic_profile(seg: Segmentation) -> AorticProfile | None:
    """Measure the diameters along the aorta of a segmentation; None if it has none."""
    box = seg.boxes().get(AORTA) if AORTA in seg.classes else None
    if box is None:
        return None
    partly = any(s.start == 0 or s.stop == n for s, n in zip(box, seg.shape, strict=True))
    around = grown(box, (1, 1, 1), seg.shape)
    cut = np.array([(s.start == 0, s.stop == n) for s, n in zip(around, seg.shape, strict=True)])
    affine = seg.affine.copy()
    affine[:3, 3] = seg.grid.to_world([s.start for s in around])
    mask = seg.mask(AORTA, around)
    return _profile(SectionSampler(mask, Grid(mask.shape, affine), cut), partly)


def _profile(sampler: SectionSampler, partly_imaged: bool) -> AorticProfile | None:
    line = centreline(sampler.mask, sampler.grid, sampler.cut)
    if line is None:
        return None
    points = evenly(line.points_mm, STATION_MM)
    if line.fixed_normal is None:
        for _ in range(ROUNDS):
            points = _moved(points, sampler, line)
    if points[0, 2] < points[-1, 2]:
        points = points[::-1]
    sections = _sections(points, sampler, line, FINE)
    stations = tuple(_station(s, at) for s, at in zip(sections, _along(points), strict=True) if s and s.complete)
    plane = "perpendicular" if line.fixed_normal is None else "axial"
    return AorticProfile(stations, plane, partly_imaged)


def _moved(points_mm: Points, sampler: SectionSampler, line: Centreline) -> Points:
    """Centreline moved to the centres of its sections; incomplete sections move with the nearest complete one."""
    sections = _sections(points_mm, sampler, line, ROUGH)
    known = [n for n, s in enumerate(sections) if s and s.complete]
    if not known:
        return points_mm
    offsets = np.array([sections[n].centre_mm - points_mm[n] for n in known])  # type: ignore[union-attr]
    everywhere = [np.interp(np.arange(len(points_mm)), known, offset) for offset in offsets.T]
    # Side branches displace single sections; averaging with neighbours stabilises the line.
    return evenly(points_mm + gaussian_filter1d(np.stack(everywhere, axis=1), 1, axis=0, mode="nearest"), STATION_MM)


def _sections(points_mm: Points, sampler: SectionSampler, line: Centreline, samples: int) -> list[CrossSection | None]:
    """Sections perpendicular to the line; None where they are so near to an end of the mask that they may leave it."""
    fixed = line.fixed_normal
    normals = _directions(points_mm) if fixed is None else np.broadcast_to(fixed, points_mm.shape)
    half_width_mm = 2 * line.radius_mm + MARGIN_MM
    along = _along(points_mm)
    first, last = (0.0 if fixed is not None or sampler.at_image_end(p) else line.radius_mm for p in points_mm[[0, -1]])
    return [
        sampler.section(point, normal, half_width_mm, samples) if first <= at <= along[-1] - last else None
        for point, normal, at in zip(points_mm, normals, along, strict=True)
    ]


def _directions(points_mm: Points) -> Points:
    """Unit tangents of the smooth curve through the points."""
    from scipy.interpolate import CubicSpline  # a fifth of all the time that importing this package takes

    along = _along(points_mm)
    tangents = CubicSpline(along, points_mm)(along, 1)
    return np.asarray(tangents / np.linalg.norm(tangents, axis=1, keepdims=True))


def _along(points_mm: Points) -> list[float]:
    return [0.0, *np.cumsum(np.linalg.norm(np.diff(points_mm, axis=0), axis=1)).tolist()]


def _station(section: CrossSection, along_mm: float) -> Station:
    x, y, z = section.centre_mm.tolist()
    return Station(along_mm, (x, y, z), section.equivalent_mm, section.largest_mm)
