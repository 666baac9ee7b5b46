"""Numbers of each structure: volume, HU, place, and whether the scan shows all of it."""

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
    """One structure of one case; what cannot be known is None, never NaN.

    Args:
        key, display: Structure key and readable name.
        found: Whether it has a voxel.
        voxels: Number of voxels on the CT's grid.
        volume_ml: Their volume.
        mean_hu, sd_hu, p05_hu, median_hu, p95_hu: See `Attenuation`; over its (finite) voxels.
        centroid_mm: Centre of gravity of the mask in RAS+ mm.
        extent_mm: How far it reaches right-left, anterior-posterior and superior-inferior.
        surface_mm2: See `surface_mm2`.
        touches_border: It reaches the edge of the image grid: only partly imaged, so its volume is a lower limit.
        score: Probability that the mask is good (see `omentum.quality.score`); None until it was judged.
        trust: How far the weights can be trusted with the structure, whatever they say of this case.
        label_map_voxels, label_map_volume_ml: As much of it as the label map shows, see `omentum.measure.label_map`;
            None until that was counted.
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
        """JSON values only."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> StructureMeasure:
        """Read what `to_json` made.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return from_json_values(cls, raw)


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


def measures_json(
    measures: Sequence[StructureMeasure], grid: Grid, aorta: AorticProfile | None = None
) -> dict[str, Any]:
    """The content of measurements.json: the grid that was measured on, and the structures by key."""
    where = {"shape": list(grid.shape), "spacing_mm": list(grid.spacing_mm), "orientation": grid.orientation}
    profile = None if aorta is None else aorta.to_json()
    derived = {"liver_minus_spleen_hu": liver_minus_spleen_hu(measures), "aorta": profile}
    return {"grid": where, "structures": {m.key: m.to_json() for m in measures}, "derived": derived}


def liver_minus_spleen_hu(measures: Sequence[StructureMeasure]) -> float | None:
    """How much denser the liver is than the spleen (without contrast below about 0 where there is much fat in it).

    Of the medians, which vessels and lesions hardly move; None unless both were found.
    """
    median = {m.key: m.median_hu for m in measures}
    liver, spleen = median.get("liver"), median.get("spleen")
    return None if liver is None or spleen is None else liver - spleen


def measures_csv(measures_by_case: dict[str, Sequence[StructureMeasure]]) -> str:
    """One line for each structure of each case, as CSV text."""
    return csv_text(measures_rows(measures_by_case))


def measures_rows(measures_by_case: dict[str, Sequence[StructureMeasure]]) -> list[dict[str, Any]]:
    """One row for each structure of each case, by column."""
    return [_row(case, m) for case, measures in measures_by_case.items() for m in measures]


def centre(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Centre of gravity of a mask that is not empty, in voxel indices of its own array; no list of voxels is made."""
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
