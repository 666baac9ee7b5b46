"""Split a paired organ into right and left by its position in the body.

The order of components, array indices and relative sizes are never used. Rules, in order:

1. Bulks are connected components (26-neighbourhood) of at least a tenth of the largest one's volume.
2. If the largest bulk extends far across the midline, with less volume there than on its own side, it may be two organs
   fused into one label (lungs fused at the anterior junction, a horseshoe kidney). It is eroded until it separates into
   two distant cores, and every voxel goes to the nearer core. If no erosion separates it, it is cut at the midline,
   provided that it spans both sides widely and almost evenly and nothing else lies on the other side.
3. Every other bulk goes as a whole to the side of its centroid. A single kidney stays a single kidney.
4. If all bulks lie on one side of the midline but further apart than the width of one organ, the midline estimate is
   wrong: they are separated halfway between the two largest.
5. A fragment goes with the nearer bulk. If bulks exist on one side only, a distant fragment on the other side is an
   organ of its own (an atrophic kidney).
6. Two organ-sized bulks on one side (a crossed or transplanted kidney), a single bulk on the midline, or a missing
   midline leave the sides unknown, and the labels must not be used for training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import edt
import numpy as np
from numpy.typing import NDArray

from omentum.boxes import bounding_box, cropped_grid
from omentum.components import connected_components
from omentum.midline.plane import Midline
from omentum.volume import Affine, Grid

BULK_SHARE = 0.1
CROSSING_SHARE = 0.1
"""A bulk with less than this of its volume across the midline merely leans over."""
CORE_SHARE = 0.2
"""The smaller of two cores has at least this share of the larger one's volume; else it is a lobe, not an organ."""
EROSIONS_MM = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 16.0)
APART_MM = 60.0
"""Centroids of left and right organs are further apart than this, those of two pieces of one organ are not."""
ASTRIDE_MM, ASTRIDE_SHARE = 40.0, 0.25
"""A label that reaches this far to both sides of the midline, with at least this share of it on either, is wider than
one organ; a kidney with a huge tumour is wide too, but not even."""
ON_MIDLINE_MM = 10.0
BESIDE_MM = 20.0
"""A fragment this near to a bulk belongs to it, even across the midline."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sides:
    """Result of a left-right split.

    Args:
        right: Voxels of the right organ; the rest of the mask is the left organ.
        doubt: Reason why the sides are unknown; "" if they are known.
        remark: Unusual but resolved situation (fused organs, a wrong midline); "" if none.
    """

    right: Mask
    doubt: str = ""
    remark: str = ""


def split_sides(mask: Mask, affine: Affine, midline: Midline | None, organ_ml: float = 0.0) -> Sides:
    """Split a mask of a paired organ into right and left.

    Args:
        mask: Mask with both organs, one or none.
        affine: 4x4, voxel index -> RAS+ mm.
        midline: Result of `find_midline`; None if there is no CT.
        organ_ml: Minimum volume of a component that may be a whole organ, in ml.
    """
    # Fortran order, as in NIfTI and DICOM, so that a caller can process it slice by slice.
    right = np.zeros(mask.shape, bool, order="F")
    if not mask.any():
        return Sides(right)
    box = bounding_box(mask)
    pieces = _Pieces.of(np.ascontiguousarray(mask[box]), cropped_grid(Grid(mask.shape, affine), box), midline)
    settled = pieces.settle(organ_ml)
    right[box] = settled.right
    return Sides(right, settled.doubt, settled.remark)


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Connected components of a mask; index 0 of every per-component array is the background.

    Args:
        labels: Component number of each voxel.
        offsets_mm: Distance of each voxel to the right of the midline.
        counts, middles_mm, right_counts: Per component: voxels, mean offset, voxels right of the midline.
        grid: Grid of `labels`.
        guided: Whether the midline is known.
    """

    labels: NDArray[Any]
    offsets_mm: NDArray[np.float32]
    counts: NDArray[np.int64]
    middles_mm: NDArray[np.float64]
    right_counts: NDArray[np.int64]
    grid: Grid
    guided: bool

    @classmethod
    def of(cls, mask: Mask, grid: Grid, midline: Midline | None) -> _Pieces:
        labels = connected_components(mask)
        n = int(labels.max(initial=0))
        offsets = (midline or Midline(0.0)).offsets_mm(grid)
        of_voxel, off = labels[mask], offsets[mask]
        if midline is None:
            shift = np.float32(off.mean(dtype=np.float64))
            offsets, off = offsets - shift, off - shift
        counts = np.bincount(of_voxel, minlength=n + 1)
        sums = np.bincount(of_voxel, off, minlength=n + 1)
        right_counts = np.bincount(of_voxel[off > 0], minlength=n + 1)
        return cls(labels, offsets, counts, sums / np.maximum(counts, 1), right_counts, grid, midline is not None)

    def settle(self, organ_ml: float) -> Sides:
        bulks = np.flatnonzero(self.counts >= max(1, BULK_SHARE * self.counts.max()))
        bulks = bulks[np.argsort(-self.counts[bulks], kind="stable")]
        cut, remark = self._cut_fused(bulks)
        is_right, doubt = self.middles_mm > 0, ""
        if cut is None:
            is_right[bulks], doubt, remark = self._assign(bulks, organ_ml)
        right = is_right[self.labels] & np.isin(self.labels, bulks)
        if cut is not None:
            right |= cut
            right[(self.labels == bulks[0]) & ~cut] = False
        self._add_fragments(right, bulks)
        return Sides(right, doubt, remark)

    def _cut_fused(self, bulks: NDArray[np.int64]) -> tuple[Mask | None, str]:
        """Right part of the largest bulk if it consists of two fused organs, else None; and a remark."""
        largest, others = bulks[0], bulks[1:]
        count, over = self.counts[largest], self.right_counts[largest] / self.counts[largest]
        across = self.counts[others[(self.middles_mm[others] > 0) != (over > 0.5)]].sum()
        share = min(over, 1 - over)
        if share < CROSSING_SHARE or across >= share * count:
            return None, ""
        fused = self.labels == largest
        cut = _between_cores(fused, self.offsets_mm, self.grid.spacing_mm)
        if cut is not None:
            return cut, "left and right are grown together; parted between their two cores"
        reach = self.offsets_mm[fused]
        if not across and share >= ASTRIDE_SHARE and min(reach.max(), -reach.min()) > ASTRIDE_MM:
            return fused & (self.offsets_mm > 0), "left and right are grown together; cut at the midline"
        return None, ""

    def _assign(self, bulks: NDArray[np.int64], organ_ml: float) -> tuple[NDArray[np.bool_], str, str]:
        """For each bulk, whether it is right; the doubt, and a remark."""
        middles = self.middles_mm[bulks]
        is_right = middles > 0
        if is_right.any() and not is_right.all():
            apart = float(middles[is_right].min() - middles[~is_right].max())
            return is_right, "" if self.guided or apart > APART_MM else "no body to tell left from right by", ""
        if len(bulks) > 1 and abs(middles[0] - middles[1]) > APART_MM:
            return (
                middles > middles[:2].mean(),
                "",
                "both lie on one side of the estimated midline; parted between them",
            )
        if not self.guided:
            return is_right, "one part only and no body to tell left from right by", ""
        ml = self.counts[bulks] * self.grid.voxel_volume_ml
        if len(bulks) > 1 and organ_ml > 0 and ml[1] >= organ_ml:
            side = "right" if is_right[0] else "left"
            return is_right, f"two parts of an organ's size both lie on the {side}", ""
        if abs(float(middles[0])) < ON_MIDLINE_MM:
            return is_right, "the only part lies on the midline", ""
        return is_right, "", ""

    def _add_fragments(self, right: Mask, bulks: NDArray[np.int64]) -> None:
        """Assign every small component to the side of the nearer bulk, in place."""
        small = (self.labels > 0) & ~np.isin(self.labels, bulks)
        if not small.any():
            return
        spacing = self.grid.spacing_mm
        left_bulk = (self.labels > 0) & ~small & ~right
        to_right, to_left = (_nearest_mm(bulk, small, self.labels, spacing) for bulk in (right, left_bulk))
        is_right = to_right < to_left
        one_sided = ~(np.isfinite(to_right) & np.isfinite(to_left))
        alone = one_sided & (np.minimum(to_right, to_left) > BESIDE_MM)
        is_right[alone] = self.middles_mm[alone] > 0
        right |= small & is_right[self.labels]


def _between_cores(fused: Mask, offsets_mm: NDArray[np.float32], spacing_mm: tuple[float, ...]) -> Mask | None:
    """Erode until two large cores lie apart from left to right; return the voxels nearer to the right core."""
    depth = edt.edt(fused, anisotropy=spacing_mm, black_border=True)
    for erosion_mm in EROSIONS_MM:
        cores = connected_components(depth > erosion_mm)
        n = int(cores.max(initial=0))
        if n < 2:
            continue
        inside = cores > 0
        counts = np.bincount(cores[inside], minlength=n + 1)
        middles = np.bincount(cores[inside], offsets_mm[inside], minlength=n + 1) / np.maximum(counts, 1)
        a, b = np.argsort(-counts, kind="stable")[:2]
        if counts[b] < CORE_SHARE * counts[a] or abs(middles[a] - middles[b]) < APART_MM:
            continue
        right_core, left_core = (a, b) if middles[a] > middles[b] else (b, a)
        to_right, to_left = (edt.edt(cores != core, anisotropy=spacing_mm) for core in (right_core, left_core))
        return np.asarray(fused & (to_right < to_left))
    return None


def _nearest_mm(bulk: Mask, small: Mask, labels: NDArray[Any], spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    """Distance in mm from `bulk` to each component with voxels in `small`; inf if the bulk is empty."""
    nearest = np.full(int(labels.max()) + 1, np.inf)
    if bulk.any():
        np.minimum.at(nearest, labels[small], edt.edt(~bulk, anisotropy=spacing_mm)[small])
    return nearest
