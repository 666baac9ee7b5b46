"""Decide whether intensities are HU from their distribution and spatial correlation, never from single voxels.

Every body contains much fat and soft tissue (-130 to 200 HU), most scans contain air (-1000 HU), and noise makes
neighbours differ. Label maps, pictures, MRI, and CTs with a missing or doubled offset look different.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE = 1_000_000
"""Number of voxels in the sample, evenly spread."""
OUTLIERS = 0.001
"""Fraction of voxels at either end of the range that is ignored."""
FLAT_HU = 12.0
"""Noise and tissue together spread further than this, in every CT."""
FAT_HU = -200
"""Every CT with some air or lung in view has voxels darker than fat."""
NO_FAT_HU = -20
"""A view in which nearly nothing is darker holds no fat: of CTs only small crops do."""
ALIKE = 0.5
"""Neighbours in a label map are the same more often than this; in the CTs tried, in at most 9 of 100 pairs."""
MOSTLY = 0.7
"""Share of whole numbers in a label map that was interpolated."""
FEW_VALUES, VERY_FEW_VALUES = 256, 16
"""Label maps have no more different numbers; so few have never been seen in a CT of a thousand voxels or more."""
LABEL_DENSITY = 0.15
"""Of the whole numbers up to the highest label, so many are labels where one below `FAT_HU` says "ignore"."""
TOO_SMALL = 1000
"""So few voxels of a CT may happen to have very few different numbers."""
SHIFTED = (870, 1250)
"""Fat to enhanced tissue when the offset of 1000 or 1024 is missing; of a CT in HU only dense bone and metal."""
SHIFTED_SHARE, SHIFTED_OF_DENSE, DENSE_HU = 0.03, 0.5, 300
"""An offset is missing where more than the first lies in `SHIFTED`, and of all above `DENSE_HU` more than the second;
in the CTs tried at most 0.004 and 0.11."""
TWICE, TWICE_SHARE, NO_TISSUE_SHARE = (-1150, -780), 0.1, 0.02
"""Fat to enhanced tissue when the offset was subtracted twice: air is near -2000, nothing at tissue's place."""
TISSUE = (-200, 300)
MOSTLY_DENSE = 0.5
"""Share of what is no air that is as dense as bone; in the CTs tried at most 0.1."""
THIN, THIN_SHARE = (-700, -250), 0.1
"""Between lung and fat: only where lung ends, in every CT."""
PICTURE_END = 250
"""A picture of 8 bits uses its whole scale, from 0 to here at least."""
CROP_TISSUE, CROP_SD_HU, CROP_PILE = 0.8, 70.0, 0.05
"""A crop without fat is a CT where so much is soft tissue, it varies no more, and no more sits at the lowest value."""
BLOCK, STRUCTURE_HU, LEAST_BLOCKS = 8, 3.0, 64
"""Means of blocks of so many voxels a side vary more than this in any body; fewer blocks are not informative."""


@dataclass(frozen=True)
class Doubt:
    """Evidence against HU.

    Args:
        reason: Human-readable explanation.
        refuses: Whether it is strong enough to refuse the image.
    """

    reason: str
    refuses: bool = True


@dataclass(frozen=True, eq=False)
class _Sample:
    """Finite voxels with their neighbours in memory, float64, and the sorted distinct values with counts."""

    values: NDArray[np.float64]
    neighbours: NDArray[np.float64]
    different: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def whole(self) -> bool:
        return bool((self.different == np.rint(self.different)).all())

    def share(self, low: float, high: float) -> float:
        """Fraction of voxels strictly between two values."""
        return float(np.mean((self.values > low) & (self.values < high)))


def doubt(voxels: NDArray[Any]) -> Doubt | None:
    """Look for evidence that the values are not HU; None if there is none.

    Args:
        voxels: 3D, any real dtype, with at least one finite voxel.
    """
    sample = _sample(voxels)
    low, high = np.quantile(sample.values, [OUTLIERS, 1 - OUTLIERS], method="nearest").tolist()
    seen = f"values {sample.different[0]:g} to {sample.different[-1]:g}"
    shift = _offset(sample)
    # Noise-free regions at the values of an offset CT are a CT: labels that high are rare.
    if is_label_map(sample.values, sample.neighbours) and not (shift and high > FEW_VALUES):
        return Doubt(f"{seen}, few different ones and in whole regions: a label map, not HU")
    reason = _range_fault(sample, low, high, seen) or shift
    if reason:
        return Doubt(reason)
    if low < FAT_HU:
        return _doubt_beside_padding(sample) or _doubt_of_tissue(sample)
    if _structureless(voxels):
        return Doubt(f"{seen} are noise around {np.mean(sample.values):.0f}: nothing of a body in the image")
    return _doubt_without_fat(sample, low, high, seen) if low > NO_FAT_HU else None


def _range_fault(sample: _Sample, low: float, high: float, seen: str) -> str:
    """Problem of the value range; "" if there is none."""
    if low >= 0 and high <= 1:
        return "values lie in 0..1, expected HU (-1024 for air)"
    if high - low < FLAT_HU and high > FAT_HU:
        return f"nearly every voxel is {np.median(sample.values):.3g} ({seen}): no image, or not in HU"
    return ""


def is_label_map(values: NDArray[np.float64], neighbours: NDArray[np.float64]) -> bool:
    """Whether values look like labels: few distinct integers in connected regions, with some fractions if interpolated.

    Args:
        values: Voxel values, [n].
        neighbours: Value of a neighbour of each voxel, [n].
    """
    whole = values == np.rint(values)
    if whole.mean() < MOSTLY:
        return False
    different, counts = np.unique(values[whole], return_counts=True)
    if not _are_labels(different):
        return False
    inside = values != different[counts.argmax()]
    alike = float(np.mean(values[inside] == neighbours[inside])) if inside.any() else 0.0
    return alike > ALIKE or (len(different) <= VERY_FEW_VALUES and len(values) >= TOO_SMALL and bool(whole.all()))


def _are_labels(different: NDArray[np.float64]) -> bool:
    if not 1 < len(different) <= FEW_VALUES:
        return False
    if different[0] >= FAT_HU:
        return True
    # A noise-free CT (air, fat, tissue) has widely spaced values; a label map has consecutive ones.
    labels = different[different >= 0]
    if len(different) == 2 and len(labels) == 1:
        return bool(0 < labels[0] <= VERY_FEW_VALUES)
    return len(labels) > 1 and len(labels) >= LABEL_DENSITY * (labels[-1] + 1)


def _sample(voxels: NDArray[Any]) -> _Sample:
    flat = voxels.ravel(order="K")
    step = max(1, flat.size // SAMPLE) | 1  # odd, so as not to sample the same column of every row
    here = flat[::step].astype(np.float64)
    beside = flat[np.minimum(np.arange(0, flat.size, step) + 1, flat.size - 1)].astype(np.float64)
    finite = np.isfinite(here)
    values = here[finite]
    return _Sample(values, beside[finite], *np.unique(values, return_counts=True))


def _offset(sample: _Sample) -> str | None:
    """Message if tissue values suggest that an offset of 1000 or 1024 was not subtracted, or subtracted twice."""
    shifted, dense = sample.share(*SHIFTED), float(np.mean(sample.values > DENSE_HU))
    if shifted > SHIFTED_SHARE and shifted > SHIFTED_OF_DENSE * dense:
        tissue = float(np.median(sample.values[(sample.values > SHIFTED[0]) & (sample.values < SHIFTED[1])]))
        return f"HU offset missing? fat and soft tissue lie near {tissue:.0f}, not near 0; subtract 1000 or 1024, if so"
    tissue_share = float(np.mean((sample.values > TISSUE[0]) & (sample.values < TISSUE[1])))
    air_share = sample.share(*(edge - 1000 for edge in TWICE))
    if tissue_share < NO_TISSUE_SHARE and sample.share(*TWICE) > TWICE_SHARE and air_share > 0:
        return "HU offset subtracted twice? air lies near -2000 and soft tissue near -1000; add 1000 or 1024, if so"
    return None


def _structureless(voxels: NDArray[Any]) -> bool:
    """Whether the image is constant except for noise."""
    n = tuple(size // BLOCK for size in voxels.shape)
    if n[0] * n[1] * n[2] < LEAST_BLOCKS:
        return False
    steps = [max(1, blocks // 8) for blocks in n]
    kept = np.ix_(*(_rows_of_blocks(blocks, step) for blocks, step in zip(n, steps, strict=True)))
    part = voxels[kept].astype(np.float64)
    i, j, k = (size // BLOCK for size in part.shape)
    means = np.nanmean(part.reshape(i, BLOCK, j, BLOCK, k, BLOCK), axis=(1, 3, 5))
    return bool(np.nanstd(means) < STRUCTURE_HU)


def _rows_of_blocks(blocks: int, step: int) -> NDArray[np.intp]:
    return (np.arange(0, blocks, step)[:, None] * BLOCK + np.arange(BLOCK)).ravel()


def _doubt_beside_padding(sample: _Sample) -> Doubt | None:
    """Doubt about an 8-bit picture padded with an air value: there are no values between padding and black."""
    start = int(np.searchsorted(sample.different, FAT_HU, side="right"))
    inside, counts = sample.different[start:], sample.counts[start:]
    if start != 1 or len(inside) < 2 or not sample.whole or inside[0] != 0 or not PICTURE_END <= inside[-1] <= 255:
        return None
    if min(counts[0], counts[-1]) < OUTLIERS * counts.sum():
        return None
    return Doubt(f"all but {sample.different[0]:g} are whole numbers up to 255: a padded 8-bit picture, not HU")


def _doubt_of_tissue(sample: _Sample) -> Doubt | None:
    """Doubt about intensities other than air, which should be mostly fat and soft tissue except in small crops."""
    body, dense = (float(np.mean(sample.values > limit)) for limit in (TISSUE[0], DENSE_HU))
    if body > SHIFTED_SHARE and dense > MOSTLY_DENSE * body:
        there = float(np.median(sample.values[sample.values > TISSUE[0]]))
        return Doubt(
            f"most of what is no air lies near {there:.0f}, as bone does; check that it is in HU", refuses=False
        )
    if sample.share(*TISSUE) < NO_TISSUE_SHARE and sample.share(*THIN) > THIN_SHARE:
        there = float(np.median(sample.values[(sample.values > THIN[0]) & (sample.values < THIN[1])]))
        told = f"hardly anything is as dense as fat or soft tissue, much lies near {there:.0f}; check that it is in HU"
        return Doubt(told, refuses=False)
    return None


def _doubt_without_fat(sample: _Sample, low: float, high: float, seen: str) -> Doubt:
    """Doubt about an image with nothing darker than soft tissue: a small crop of a CT, or no CT."""
    pile = float(np.mean(sample.values == low))
    soft = sample.share(*TISSUE) >= CROP_TISSUE and float(sample.values.std()) <= CROP_SD_HU
    if soft and pile <= CROP_PILE:
        return Doubt(f"{seen} with neither air nor fat; taken for a piece of a CT in HU, unsure", refuses=False)
    if low >= 0 and high <= 255 and sample.whole:
        return Doubt(f"{seen} are whole numbers up to 255: an 8-bit picture, not HU")
    return Doubt(f"{seen} with neither air nor fat: MRI or another modality, not HU")
