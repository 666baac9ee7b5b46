"""Key image of a lesion: its key slice, enlarged, with the measured diameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omentum.measure.diameters import Diameter
from omentum.measure.lesions import Lesion
from omentum.report.pictures import UNITS_PER_MM, Picture, take_picture, window_of
from omentum.report.planes import Plane, Range, hung, hung_index, hung_spacing_mm
from omentum.segmentation import Segmentation
from omentum.volume import Volume

LEAST_FIELD_MM = 90.0
FIELD_DIAMETERS = 2.5
"""Width of the picture, as a multiple of the longest diameter."""

Line = tuple[float, float, float, float]
"""x1, y1, x2, y2 in picture units."""


@dataclass(frozen=True)
class KeyImage:
    """Picture with the longest axial diameter of a lesion and the perpendicular diameter."""

    picture: Picture
    longest: Line
    perpendicular: Line


def key_image(ct: Volume, seg: Segmentation, lesion: Lesion) -> KeyImage:
    """Draw the key image of a lesion; lung lesions use a lung window.

    Args:
        ct: CT volume in HU.
        seg: Segmentation on the grid of `ct`.
        lesion: Lesion of `seg`.
    """
    grid = ct.grid
    middle = hung_index(grid, np.mean(lesion.axial.longest.ends_mm, axis=0))
    plane = Plane("Axial", 0, round(float(middle[0])), "RLAP")
    half_mm = max(LEAST_FIELD_MM, FIELD_DIAMETERS * lesion.axial.longest.mm) / 2
    shape, spacing_mm = hung(ct.voxels, grid).shape, hung_spacing_mm(grid)
    ranges: list[Range] = []
    for at, n, mm in zip(middle, shape, spacing_mm, strict=True):
        ranges.append((max(0, round(at - half_mm / mm)), min(n, round(at + half_mm / mm) + 1)))
    keys = [key for key in (lesion.host, lesion.key) if key]
    picture = take_picture((ct, seg), plane, ranges, keys=keys, window_hu=window_of(lesion.host))

    def line(diameter: Diameter) -> Line:
        corner = (ranges[1][0], ranges[2][0])
        at = (hung_index(grid, np.array(diameter.ends_mm))[:, 1:] - corner + 0.5) * spacing_mm[1:] * UNITS_PER_MM
        (y1, x1), (y2, x2) = at.tolist()
        return x1, y1, x2, y2

    return KeyImage(picture, line(lesion.axial.longest), line(lesion.axial.perpendicular))
