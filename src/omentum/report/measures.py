"""Numbers of each structure: volume, HU, place, and whether the scan shows all of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.errors import GeometryError
from omentum.report.table import csv_text
from omentum.segmentation import Box, Segmentation
from omentum.volume import Grid, Volume

_CHUNK_VOXELS = 1 << 22


@dataclass(frozen=True)
class StructureMeasure:
    """One structure of one case; what cannot be known is None, never NaN.

    Args:
        key, display: Structure key and readable name.
        found: Whether it has a voxel.
        voxels: Number of voxels on the CT's grid.
        volume_ml: Their volume.
        mean_hu, sd_hu: Mean and population standard deviation of the CT over its (finite) voxels.
        centroid_mm: Centre of gravity of the mask in RAS+ mm.
        touches_border: It reaches the edge of the image grid: only partly imaged, so its volume is a lower limit.
    """

    key: str
    display: str
    found: bool
    voxels: int
    volume_ml: float
    mean_hu: float | None
    sd_hu: float | None
    centroid_mm: tuple[float, float, float] | None
    touches_border: bool

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def measure(ct: Volume, seg: Segmentation) -> list[StructureMeasure]:
    """Measure every class of a segmentation, in the segmentation's order.

    Args:
        ct: HU.
        seg: On the grid of `ct`.

    Raises:
        GeometryError: the grids differ.
    """
    if not ct.grid.same_as(seg.grid):
        raise GeometryError("the segmentation is not on the grid of the CT")
    boxes = seg.boxes()
    return [_measured(key, ct, seg, boxes[key]) if key in boxes else _absent(key) for key in seg.classes]


def measures_json(measures: Sequence[StructureMeasure], grid: Grid) -> dict[str, Any]:
    """The content of measurements.json: the grid that was measured on, and the structures by key."""
    where = {"shape": list(grid.shape), "spacing_mm": list(grid.spacing_mm), "orientation": grid.orientation}
    return {"grid": where, "structures": {m.key: m.to_json() for m in measures}}


def measures_csv(measures_by_case: dict[str, Sequence[StructureMeasure]]) -> str:
    """One line for each structure of each case, as CSV text."""
    return csv_text([_row(case, m) for case, measures in measures_by_case.items() for m in measures])


def _measured(key: str, ct: Volume, seg: Segmentation, box: Box) -> StructureMeasure:
    mask = seg.mask(key, box)
    voxels = int(np.count_nonzero(mask))
    mean_hu, sd_hu = _mean_and_sd(ct.voxels[box][mask])
    x, y, z = seg.grid.to_world(_centre(mask, voxels) + [s.start for s in box])
    return StructureMeasure(
        key=key,
        display=STRUCTURES[key].display,
        found=True,
        voxels=voxels,
        volume_ml=voxels * seg.grid.voxel_volume_ml,
        mean_hu=mean_hu,
        sd_hu=sd_hu,
        centroid_mm=(float(x), float(y), float(z)),
        touches_border=any(s.start == 0 or s.stop == n for s, n in zip(box, seg.shape, strict=True)),
    )


def _absent(key: str) -> StructureMeasure:
    return StructureMeasure(key, STRUCTURES[key].display, False, 0, 0.0, None, None, None, False)


def _centre(mask: NDArray[np.bool_], voxels: int) -> NDArray[np.float64]:
    """Centre of gravity in voxel indices of the mask's own array."""
    ij, k = mask.sum(axis=2, dtype=np.int64), mask.sum(axis=(0, 1), dtype=np.int64)
    return np.array([counts @ np.arange(len(counts)) / voxels for counts in (ij.sum(axis=1), ij.sum(axis=0), k)])


def _mean_and_sd(hu: NDArray[Any]) -> tuple[float | None, float | None]:
    if hu.dtype.kind == "f":
        hu = hu[np.isfinite(hu)]
    if len(hu) == 0:
        return None, None
    mean = float(hu.mean(dtype=np.float64))
    # In pieces: the squares of a lung in float64 would outweigh the CT.
    pieces = (hu[n : n + _CHUNK_VOXELS].astype(np.float64) for n in range(0, len(hu), _CHUNK_VOXELS))
    squares = sum(float(np.square(piece - mean).sum()) for piece in pieces)
    return mean, math.sqrt(squares / len(hu))


def _row(case: str, m: StructureMeasure) -> dict[str, Any]:
    x, y, z = m.centroid_mm or (None, None, None)
    columns = {"case": case, **m.to_json(), "centroid_r_mm": x, "centroid_a_mm": y, "centroid_s_mm": z}
    del columns["centroid_mm"]
    return columns
