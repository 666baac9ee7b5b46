"""Three slices through a case in radiological display orientation, independent of the storage order of the voxels.

Everything here works on *hung* arrays (as in "hanging protocol"): views with axes (superior to inferior, anterior to
posterior, right to left). An axial slice [z] has anterior at the top and the patient's right on the left of the image.
Oblique grids are shown along their nearest anatomical axes, without resampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.formatting import number
from omentum.segmentation import Segmentation
from omentum.volume import BODY_HU, Grid, Volume

SEARCH_VOXELS = 128
"""Planes are selected on a subsampled grid with about this many voxels along each axis."""

LESION_WEIGHT = 3.0
"""Weight of a visible lesion, relative to an organ."""

MARGIN_MM = 8.0
"""Margin of air shown around body, table and structures."""

Range = tuple[int, int]


@dataclass(frozen=True)
class Plane:
    """A slice of a hung array.

    Args:
        name: Axial, Coronal or Sagittal.
        axis: Axis of the hung array perpendicular to the slice.
        index: Index along that axis.
        letters: Anatomical letters at the left, right, top and bottom of the picture.
    """

    name: str
    axis: int
    index: int
    letters: str

    @property
    def rows(self) -> int:
        """Display axis that runs down the picture."""
        return 1 if self.axis == 0 else 0

    @property
    def columns(self) -> int:
        """Display axis that runs across the picture."""
        return 1 if self.axis == 2 else 2

    def of(self, hung_array: NDArray[Any], ranges: Sequence[Range] | None = None) -> NDArray[Any]:
        """View of the slice (rows, columns), within a range of each display axis if given."""
        where: list[slice | int] = [slice(*r) for r in ranges] if ranges else [slice(None)] * 3
        where[self.axis] = self.index
        return hung_array[tuple(where)]


def hung(voxels: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """View of an array (i, j, k) as (superior to inferior, anterior to posterior, right to left)."""
    order, signs = _hanging(grid)
    return voxels.transpose(order)[tuple(slice(None, None, -sign) for sign in signs)]


def array_slice(grid: Grid, plane: Plane) -> tuple[int, int]:
    """Stored axis perpendicular to a plane of the hung array, and the index along it."""
    order, signs = _hanging(grid)
    axis, n = order[plane.axis], grid.shape[order[plane.axis]]
    return axis, n - 1 - plane.index if signs[plane.axis] > 0 else plane.index


def hung_slice(grid: Grid, axis: int, index: int) -> int:
    """Index along a hung axis for an index along the stored axis; inverse of `array_slice`."""
    order, signs = _hanging(grid)
    return grid.shape[order[axis]] - 1 - index if signs[axis] > 0 else index


def slice_words(grid: Grid, axis: int, index: int) -> str:
    """Description of a slice used in all reports: index along the stored axis, and RAS+ mm of its centre.

    "slice 87 along k, s = -102.0 mm": the letter is that of `centroid_s_mm` and the third number of `centroid_mm`.
    """
    middle = [(n - 1) / 2 for n in grid.shape]
    middle[axis] = index
    world, _ = grid.axis_directions()[axis]
    return f"slice {index} along {'ijk'[axis]}, {'ras'[world]} = {number(float(grid.to_world(middle)[world]), 1)} mm"


def hung_spacing_mm(grid: Grid) -> tuple[float, float, float]:
    """Voxel spacing along the display axes, in mm."""
    z, y, x = (grid.spacing_mm[axis] for axis in _hanging(grid)[0])
    return z, y, x


def hung_index(grid: Grid, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positions (..., 3) in RAS+ mm as fractional indices of the hung array."""
    order, signs = _hanging(grid)
    index = (points_mm - grid.affine[:3, 3]) @ np.linalg.inv(grid.affine[:3, :3]).T
    last = np.array(grid.shape)[order] - 1
    return np.where(np.array(signs) > 0, last - index[..., order], index[..., order])


def classes_in(plane: Plane, seg: Segmentation, ranges: Sequence[Range]) -> Segmentation:
    """Slice of a segmentation, as a segmentation of shape (rows, columns, 1)."""
    pictures = [plane.of(hung(bits, seg.grid), ranges) for bits in seg.bits]
    return Segmentation(np.stack(pictures)[..., None], np.eye(4), seg.classes)


def best_planes(seg: Segmentation) -> tuple[Plane, Plane, Plane]:
    """Axial, coronal and sagittal plane, each where most structures are well visible."""
    z, y, x = _best_cuts(seg)
    return Plane("Axial", 0, z, "RLAP"), Plane("Coronal", 1, y, "RLSI"), Plane("Sagittal", 2, x, "APSI")


def shown_ranges(ct: Volume, seg: Segmentation, planes: Sequence[Plane]) -> list[Range]:
    """Range along each display axis that contains body and structures in the planes, with a small margin."""
    hu = hung(ct.voxels, ct.grid)
    inside = [np.zeros(n, bool) for n in hu.shape]
    for plane in planes:
        something = plane.of(hu) > BODY_HU
        for bits in seg.bits:
            something |= plane.of(hung(bits, seg.grid)) != 0
        inside[plane.rows] |= something.any(axis=1)
        inside[plane.columns] |= something.any(axis=0)
    return [_with_margin(*pair) for pair in zip(inside, hung_spacing_mm(ct.grid), strict=True)]


def _hanging(grid: Grid) -> tuple[list[int], list[int]]:
    """Array axis and direction for each of the world axes z, y, x."""
    axes = {world: (axis, sign) for axis, (world, sign) in enumerate(grid.axis_directions())}
    return [axes[world][0] for world in (2, 1, 0)], [axes[world][1] for world in (2, 1, 0)]


def _best_cuts(seg: Segmentation) -> list[int]:
    """For each display axis, the index with the largest sum of relative cross-sections over structures."""
    steps = [max(1, n // SEARCH_VOXELS) for n in seg.shape]
    sparse = Segmentation(seg.bits[:, *(slice(s // 2, None, s) for s in steps)], seg.affine, seg.classes)
    scores = [np.zeros(n) for n in hung(sparse.bits[0], seg.grid).shape]
    for key in sparse.present():
        mask = hung(sparse.mask(key), seg.grid)
        weight = LESION_WEIGHT if STRUCTURES[key].is_lesion else 1.0
        for axis in range(3):
            area = np.count_nonzero(mask, axis=tuple(a for a in range(3) if a != axis))
            scores[axis] += weight * np.sqrt(area / area.max())
    return [_cut(*s, seg) for s in enumerate(scores)]


def _cut(axis: int, score: NDArray[np.float64], seg: Segmentation) -> int:
    """Full-resolution index of the best score; the middle of a plateau."""
    best = np.flatnonzero(score >= score.max() - 1e-9)
    n = hung(seg.bits[0], seg.grid).shape[axis]
    return int(min(n - 1, int((best[len(best) // 2] + 0.5) * n / len(score))))


def _with_margin(inside: NDArray[np.bool_], spacing_mm: float) -> Range:
    found = np.flatnonzero(inside)
    if len(found) == 0:
        return 0, len(inside)
    margin = round(MARGIN_MM / spacing_mm)
    return max(0, int(found[0]) - margin), min(len(inside), int(found[-1]) + 1 + margin)
