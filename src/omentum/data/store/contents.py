"""Contents of a labelled scan: size and intensity of each structure, and class locations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.data.store.bitsets import Index, Sets, members
from omentum.data.store.class_locations import sample_locations
from omentum.data.store.stored_case import BODY, StructureFacts
from omentum.volume import BODY_HU

LOWEST_HU, HIGHEST_HU = -1024, 3071
"""What twelve bits hold; beyond are metal, and fillers for voxels that were never scanned."""

_LEVELS = HIGHEST_HU - LOWEST_HU + 1


class LabelledVoxels:
    """Labelled voxels of a scan, located once.

    Args:
        sets: [S, planes], the label sets that occur.
        labels: [x, y, z], rows of `sets`.
        classes: Structure keys in bit order.
    """

    def __init__(self, sets: Sets, labels: Index, classes: tuple[str, ...]) -> None:
        self.places: NDArray[np.int64] = np.flatnonzero(labels)
        self.labels = labels.reshape(-1)[self.places]
        self.number_of_sets = len(sets)
        self.sets_with = dict(zip(classes, members(sets, len(classes)).T, strict=True))


def structure_facts(hu: NDArray[np.int16], held: LabelledVoxels, voxel_ml: float) -> dict[str, StructureFacts]:
    """Facts about each structure with a voxel, from one HU histogram per label set.

    Args:
        hu: [x, y, z], within `LOWEST_HU`..`HIGHEST_HU`.
        held: Labelled voxels of the same scan.
        voxel_ml: Volume of a voxel in ml.
    """
    cells = held.labels.astype(np.int64) * _LEVELS
    cells += hu.reshape(-1)[held.places]
    cells -= LOWEST_HU
    histograms = np.bincount(cells, minlength=held.number_of_sets * _LEVELS).reshape(held.number_of_sets, _LEVELS)
    by_structure = {key: histograms[rows].sum(axis=0) for key, rows in held.sets_with.items()}
    return {key: _facts(histogram, voxel_ml) for key, histogram in by_structure.items() if histogram.any()}


def sampled_class_locations(
    name: str, hu: NDArray[np.int16], held: LabelledVoxels, most: int
) -> dict[str, NDArray[np.int16]]:
    """Sampled voxels int16 [n, 3] of each present structure and of the body (`BODY`).

    Seeded by case name and structure, so every preparation yields the same voxels. For a lesion class, every lesion
    contributes equally many.
    """
    among = {key: held.places[rows[held.labels]] for key, rows in held.sets_with.items()}
    among = {key: places for key, places in among.items() if len(places)}
    among[BODY] = np.flatnonzero(hu > BODY_HU)
    return {key: _drawn(key, f"{name}/{key}", places, hu.shape, most) for key, places in among.items()}


def _facts(histogram: NDArray[np.int64], voxel_ml: float) -> StructureFacts:
    values, total = np.arange(LOWEST_HU, HIGHEST_HU + 1), int(histogram.sum())
    mean = float(values @ histogram) / total
    variance = float((values - mean) ** 2 @ histogram) / total
    reached = np.cumsum(histogram)
    low, middle, high = (int(values[np.searchsorted(reached, share * total)]) for share in (0.05, 0.5, 0.95))
    volume_ml = round(total * voxel_ml, 4)
    return StructureFacts(total, volume_ml, round(mean, 2), round(variance**0.5, 2), (low, middle, high))


def _drawn(key: str, seed: str, places: NDArray[np.int64], shape: tuple[int, ...], most: int) -> NDArray[np.int16]:
    rng = np.random.default_rng(list(seed.encode()))
    return sample_locations(rng, places, shape, most, each_piece=key in STRUCTURES and STRUCTURES[key].is_lesion)
