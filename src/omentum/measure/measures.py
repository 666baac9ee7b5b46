"""Measurements of each structure: volume, HU, position, and whether the scan truncates it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.boxes import Box
from omentum.errors import GeometryError
from omentum.json_values import from_json_values
from omentum.measure.aorta import AorticProfile
from omentum.measure.attenuation import Attenuation, attenuation
from omentum.measure.csv_table import csv_text
from omentum.measure.diameters import extents_mm
from omentum.measure.surface import surface_mm2
from omentum.segmentation import Segmentation
from omentum.spec import Trust
from omentum.volume import Grid, Volume


@dataclass(frozen=True)
class StructureMeasure:
    """Measurements of one structure; unknown values are None, never NaN.

    Args:
        key, display: Structure key and display name.
        found: Whether it has any voxel.
        voxels: Number of voxels on the CT's grid.
        volume_ml: Volume.
        mean_hu, sd_hu, p05_hu, median_hu, p95_hu: HU statistics of its finite voxels; see `Attenuation`.
        centroid_mm: Centroid of the mask, RAS+ mm.
        extent_mm: Extent right-left, anterior-posterior and superior-inferior.
        surface_mm2: Surface area; see `omentum.measure.surface`.
        touches_border: It reaches the border of the image, so its volume is a lower bound.
        score: Probability that the mask is good (see `omentum.quality.score`); None until it has been assessed.
        trust: Reliability of the weights for this structure in general, independent of this case.
        label_map_voxels, label_map_volume_ml: Part of it visible in the label map, see `omentum.measure.label_map`;
            None until counted.
    """

    key: str
    display: str
    found: bool
    voxels: int
    volume_ml: float
    mean_hu: float | None
    sd_hu: float | None
    p05_hu: float | None
    median_hu: float | None
    p95_hu: float | None
    centroid_mm: tuple[float, float, float] | None
    extent_mm: tuple[float, float, float] | None
    surface_mm2: float
    touches_border: bool
    score: float | None = None
    trust: Trust = Trust.UNKNOWN
    label_map_voxels: int | None = None
    label_map_volume_ml: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> StructureMeasure:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, raw)


def measure(ct: Volume, seg: Segmentation) -> list[StructureMeasure]:
    """Measure every class of a segmentation, in the segmentation's order.

    Args:
        ct: CT volume in HU.
        seg: Segmentation on the grid of `ct`.

    Raises:
        GeometryError: the grids differ.
    """
    if not ct.grid.same_as(seg.grid):
        raise GeometryError("the segmentation is not on the grid of the CT")
    boxes = seg.boxes()
    return [_measured(key, ct, seg, boxes[key]) if key in boxes else _absent(key) for key in seg.classes]


def measures_json(
    measures: Sequence[StructureMeasure], grid: Grid, aorta: AorticProfile | None = None
) -> dict[str, Any]:
    """Content of measurements.json: the grid, and the structures by key."""
    where = {"shape": list(grid.shape), "spacing_mm": list(grid.spacing_mm), "orientation": grid.orientation}
    profile = None if aorta is None else aorta.to_json()
    derived = {"liver_minus_spleen_hu": liver_minus_spleen_hu(measures), "aorta": profile}
    return {"grid": where, "structures": {m.key: m.to_json() for m in measures}, "derived": derived}


def liver_minus_spleen_hu(measures: Sequence[StructureMeasure]) -> float | None:
    """Difference of the median HU of liver and spleen; without contrast, below about 0 in fatty liver.

    Medians are robust against vessels and lesions. None unless both organs were found.
    """
    median = {m.key: m.median_hu for m in measures}
    liver, spleen = median.get("liver"), median.get("spleen")
    return None if liver is None or spleen is None else liver - spleen


def measures_csv(measures_by_case: dict[str, Sequence[StructureMeasure]]) -> str:
    """Format as CSV text, one row per case and structure."""
    return csv_text(measures_rows(measures_by_case))


def measures_rows(measures_by_case: dict[str, Sequence[StructureMeasure]]) -> list[dict[str, Any]]:
    """One row per case and structure, as column -> value."""
    return [_row(case, m) for case, measures in measures_by_case.items() for m in measures]


def centre(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Centroid of a non-empty mask in voxel indices of its array, computed without a list of voxels."""
    ij, k = mask.sum(axis=2, dtype=np.int64), mask.sum(axis=(0, 1), dtype=np.int64)
    return np.array([counts @ np.arange(len(counts)) / k.sum() for counts in (ij.sum(axis=1), ij.sum(axis=0), k)])


def _measured(key: str, ct: Volume, seg: Segmentation, box: Box) -> StructureMeasure:
    mask = seg.mask(key, box)
    voxels = int(np.count_nonzero(mask))
    x, y, z = seg.grid.to_world(centre(mask) + [s.start for s in box])
    return StructureMeasure(
        key=key,
        display=STRUCTURES[key].display,
        found=True,
        voxels=voxels,
        volume_ml=voxels * seg.grid.voxel_volume_ml,
        **asdict(attenuation(ct.voxels[box][mask])),
        centroid_mm=(float(x), float(y), float(z)),
        extent_mm=extents_mm(mask, seg.grid),
        surface_mm2=surface_mm2(seg, key, box),
        touches_border=any(s.start == 0 or s.stop == n for s, n in zip(box, seg.shape, strict=True)),
    )


def _absent(key: str) -> StructureMeasure:
    return StructureMeasure(
        *(key, STRUCTURES[key].display),
        found=False,
        voxels=0,
        volume_ml=0.0,
        **asdict(Attenuation()),
        centroid_mm=None,
        extent_mm=None,
        surface_mm2=0.0,
        touches_border=False,
    )


def _row(case: str, m: StructureMeasure) -> dict[str, Any]:
    columns = {"case": case, **m.to_json()}
    for name in ("centroid", "extent"):
        values = columns.pop(f"{name}_mm") or (None, None, None)
        columns |= {f"{name}_{axis}_mm": value for axis, value in zip("ras", values, strict=True)}
    return columns
