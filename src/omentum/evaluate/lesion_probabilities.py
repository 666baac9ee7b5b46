"""Lesion probabilities next to a prediction: full maps if they were written, otherwise those of listed lesions."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy.pairs import kind_of
from omentum.components import connected_components
from omentum.errors import InputError, OmentumError, warn_of_case
from omentum.result_files import LESIONS, MANIFEST, PROBABILITIES, SEGMENTATIONS
from omentum.segmentation import Segmentation
from omentum.volume import Grid

if TYPE_CHECKING:
    from omentum.evaluate.metrics.operating import Curve

MOST_AWAY_MM = 5.0
"""Maximum distance between the centroids of a listed lesion and its component of the mask."""
BEYOND = 1e-3
"""Tolerance for probabilities outside 0..1 caused by rounding."""

Steps = NDArray[np.uint8]
OnGrid = Callable[[NDArray[Any], Grid], NDArray[Any]]
"""Function that resamples voxels of a grid onto the grid of the reference."""


def lesion_curves_of(
    prediction: Path, native: Segmentation, truth: Segmentation, minimum_ml: float, on_truth: OnGrid
) -> dict[str, Curve]:
    """Counts at every threshold, for each annotated lesion type with a map or list.

    An unusable map or list gives a warning, and its type has no curve in this case.

    Args:
        prediction: File with all masks, or a label map; probabilities are read from its folder if it is a result of
            `omentum segment`.
        native: The prediction on its own grid.
        truth: Reference.
        minimum_ml: See `detect`.
        on_truth: See `OnGrid`.
    """
    from omentum.evaluate.metrics.operating import LISTS, MAPS, curve

    if prediction.name not in SEGMENTATIONS:
        return {}
    removed_below_ml = _removed_below_ml(prediction.parent / MANIFEST)
    found = {}
    for key in truth.classes:
        if key not in (truth.annotated or ()) or not kind_of(key).is_lesion:
            continue
        file = prediction.parent / PROBABILITIES / f"{key}.nii.gz"
        try:
            if file.is_file():
                steps, source = on_truth(*_read_map(file)), MAPS
            elif key in native.classes and (prediction.parent / LESIONS).is_file():
                steps, source = on_truth(_listed(prediction.parent / LESIONS, native, key), native.grid), LISTS
            else:
                continue
        except OmentumError as fault:
            warn_of_case(f"no ROC and FROC of {key} from this case: {fault}")
            continue
        voxel_ml, removed_ml = truth.grid.voxel_volume_ml, removed_below_ml.get(key, 0.0)
        found[key] = curve(steps, truth.mask(key), voxel_ml, minimum_ml, source, removed_below_ml=removed_ml)
    return found


def _removed_below_ml(manifest: Path) -> dict[str, float]:
    """Structure key -> volume below which the segmentation has no components; empty where no manifest tells."""
    try:
        told = json.loads(manifest.read_bytes())["options"]["minimum_ml"]
        return {str(key): float(ml) for key, ml in told.items()}
    except (FileNotFoundError, KeyError):  # of an earlier version
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as fault:
        raise InputError(f"does not say which lesions are too small: {fault!r}", source=manifest) from fault


def _read_map(path: Path) -> tuple[Steps, Grid]:
    from omentum.evaluate.metrics.operating import STEPS
    from omentum.io.nifti import read_volume

    volume = read_volume(path)
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    if not (low >= -BEYOND and high <= 1 + BEYOND):  # NaN, too
        raise InputError(f"holds {low:g} to {high:g}, not probabilities from 0 to 1", source=path)
    return np.rint(volume.voxels.clip(0, 1) * STEPS).astype(np.uint8), volume.grid


def _listed(path: Path, native: Segmentation, key: str) -> Steps:
    """Mask of a lesion type with the mean probability of each lesion as value."""
    from omentum.evaluate.metrics.operating import STEPS

    rows = [row for row in _read_list(path) if row[0] == key]
    steps = np.zeros(native.shape, np.uint8)
    box = native.boxes().get(key)
    if box is None:
        return steps
    labels = connected_components(native.mask(key, box))
    probability = np.zeros(int(labels.max()) + 1)
    for number in range(1, len(probability)):
        middle = np.argwhere(labels == number).mean(axis=0) + [s.start for s in box]
        probability[number] = _nearest(rows, native.grid.to_world(middle), path, key)
    steps[box] = np.rint(probability * STEPS).astype(np.uint8)[labels]
    return steps


def _nearest(rows: Sequence[tuple[str, float, list[float]]], centre_mm: Any, path: Path, key: str) -> float:
    away = [(math.dist(at, centre_mm), probability) for _, probability, at in rows]
    if not away or min(away)[0] > MOST_AWAY_MM:
        raise InputError(f"does not list every {key} of the segmentation beside it", source=path)
    return min(away)[1]


def _read_list(path: Path) -> list[tuple[str, float, list[float]]]:
    """Type, mean probability and centroid (RAS+ mm) of each lesion."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                (row["key"], float(row["mean_probability"]), [float(row[f"centroid_{axis}_mm"]) for axis in "ras"])
                for row in csv.DictReader(file)
            ]
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    except (KeyError, ValueError, TypeError) as fault:
        raise InputError(f"has no probabilities of lesions: {fault!r}", source=path) from fault
