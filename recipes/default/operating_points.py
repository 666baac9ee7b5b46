"""Operating points, chosen on phantoms that neither train nor judge.

    python recipes/default/operating_points.py runs/second_pass/model.safetensors -n 24 --false 0.25

Prints the `omentum weights set-threshold` command. Thresholds and smallest volumes of all lesion classes are chosen
together: those that find the most lesions with at most so many false ones a scan, over all classes. A false lesion has
the same price in each class, the lowest that keeps the limit. Every second phantom is healthy. Of each organ those with
the largest mean Dice are chosen, where they gain enough; an organ that is invented has a Dice of 0.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.atomic import replacing
from omentum.boxes import bounding_box
from omentum.components import component_sizes, connected_components
from omentum.phantom import CaseOptions, LesionOptions, PhantomCase, make_case
from omentum.pipeline import Segmenter, SegmentOptions

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.94, 0.97, 0.985)
SMALLEST_ML = (0.065, 0.13, 0.25, 0.5, 1.0, 2.0, 4.0)
"""From a ball of 5 mm on."""
PRICES = np.geomspace(0.01, 1000, 501)
"""Lesions that one false lesion is worth."""

ORGAN_THRESHOLDS = (0.35, 0.5, 0.65)
ORGAN_SMALLEST_ML = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
USUAL = ORGAN_THRESHOLDS.index(0.5) * len(ORGAN_SMALLEST_ML)
"""Place of the threshold and smallest volume of weights that were told nothing."""
NOTHING = 1.0
"""Dice of an organ that is not there and was not found."""
LEAST_GAIN = 0.005
"""Of the mean Dice of an organ; for less it stays as usual."""

Counts = dict[str, list[list[int]]]
"""Structure key -> one row for each pair of threshold and smallest volume: lesions found, false ones, all lesions."""
Dices = dict[str, list[list[float]]]
"""Organ key -> for each phantom that has it or a voxel of it found, Dice at each threshold and smallest volume."""


def main() -> None:
    """Print the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights")
    parser.add_argument("-n", "--number", type=int, default=24)
    parser.add_argument("--seed", type=int, default=91000)
    parser.add_argument("--false", type=float, default=0.25, help="most false lesions in a scan, of all classes")
    parser.add_argument("--work", type=Path, help="keep the counts of every phantom here, and go on from them")
    parser.add_argument("--every", type=int, nargs=2, default=(1, 0), metavar=("N", "K"), help="phantoms K, K + N, ...")
    arguments = parser.parse_args()
    segmenter, total = Segmenter(arguments.weights, SegmentOptions(probabilities="uint8")), None
    organs: Dices = {}
    for k in range(arguments.every[1], arguments.number, arguments.every[0]):
        kept = None if arguments.work is None else arguments.work / f"{arguments.seed}_{k:04d}.json"
        if kept is not None and kept.exists():
            counts, dices = json.loads(kept.read_bytes())
        else:
            counts, dices = counted(segmenter, phantom(arguments.seed, k))
            keep(kept, (counts, dices))
        total = counts if total is None else joined(total, counts)
        organs = {key: organs.get(key, []) + rows for key, rows in dices.items()}
        print(f"phantom {k}", file=sys.stderr)
    assert total is not None
    told = best(total, arguments.false * arguments.number)
    for key, threshold, least, (found, false, lesions) in told:
        print(f"{key}: {found} of {lesions} found, {false} false at {threshold}, {least} ml", file=sys.stderr)
    better = list(better_points(organs))
    for key, threshold, least, (usual, dice) in better:
        print(f"{key}: mean Dice {usual:.3f}, {dice:.3f} at {threshold}, {least} ml", file=sys.stderr)
    chosen = [(key, threshold, least) for key, threshold, least, _ in [*told, *better]]
    points = " ".join(f"{key}={threshold}" for key, threshold, _ in chosen)
    volumes = " ".join(f"--minimum-ml {key}={least}" for key, _, least in chosen if least)
    print(f"omentum weights set-threshold {arguments.weights} {points} {volumes} -o tuned.safetensors")


def phantom(seed: int, number: int) -> PhantomCase:
    """A phantom; every second one has no lesion."""
    lesions = LesionOptions() if number % 2 == 0 else LesionOptions(odds=dict.fromkeys(LesionOptions().odds, 0.0))
    return make_case((seed, number), (2.2, 2.2, 3.0), options=CaseOptions(lesions=lesions))


def counted(segmenter: Segmenter, case: PhantomCase) -> tuple[Counts, Dices]:
    """Lesions found and false ones, and Dice of organs, at every operating point."""
    found, counts, dices = segmenter.segment(case.ct), {}, {}
    millilitres = case.truth.grid.voxel_volume_ml
    for key in found.classes:
        lesion, truth, probability = STRUCTURES[key].is_lesion, case.truth.mask(key), found.probability(key)
        box = bounding_box(truth | (probability > min(THRESHOLDS if lesion else ORGAN_THRESHOLDS)))
        if lesion:
            counts[key] = list(_rows(probability[box], truth[box], millilitres))
        else:
            row = list(_dices(probability[box], truth[box], millilitres))
            dices[key] = [row] if any(dice != NOTHING for dice in row) else []
    return counts, dices


def _dices(probability: NDArray[np.floating], truth: NDArray[np.bool_], voxel_ml: float) -> Iterator[float]:
    for threshold in ORGAN_THRESHOLDS:
        pieces = connected_components(probability > threshold)
        sizes, hits = component_sizes(pieces), np.bincount(pieces[truth], minlength=int(pieces.max()) + 1)
        for least in ORGAN_SMALLEST_ML:
            large = np.flatnonzero(sizes[1:] * voxel_ml >= least) + 1
            both = sizes[large].sum() + truth.sum()
            yield float(2 * hits[large].sum() / both) if both else NOTHING


def better_points(organs: Dices) -> Iterator[tuple[str, float, float, tuple[float, float]]]:
    """Of each organ that gains by it: key, threshold, smallest volume, mean Dice as usual and then."""
    points = list(itertools.product(ORGAN_THRESHOLDS, ORGAN_SMALLEST_ML))
    usual_threshold = slice(USUAL, USUAL + len(ORGAN_SMALLEST_ML))
    for key, rows in organs.items():
        if not rows:
            continue
        means = np.mean(rows, axis=0)
        place = USUAL
        for better in (USUAL + int(np.argmax(means[usual_threshold])), int(np.argmax(means))):
            if means[better] >= means[place] + LEAST_GAIN:
                place = better  # another volume alone, then another threshold as well, each for a gain of its own
        if place != USUAL:
            yield key, *points[place], (float(means[USUAL]), float(means[place]))


def _rows(probability: NDArray[np.floating], truth: NDArray[np.bool_], voxel_ml: float) -> Iterator[list[int]]:
    labels = connected_components(truth)
    counting = np.flatnonzero(component_sizes(labels)[1:] * voxel_ml >= SMALLEST_ML[0]) + 1
    for threshold in THRESHOLDS:
        pieces = connected_components(probability > threshold)
        sizes = component_sizes(pieces) * voxel_ml
        sizes[0] = 0  # background
        pairs = np.unique(np.stack([pieces[truth], labels[truth]]), axis=1)
        for least in SMALLEST_ML:
            large = np.flatnonzero(sizes >= least)
            hits = pairs[:, np.isin(pairs[0], large)]
            found, true = np.isin(counting, hits[1]).sum(), np.isin(large, hits[0]).sum()
            yield [int(found), int(len(large) - true), len(counting)]


def joined(one: Counts, other: Counts) -> Counts:
    """Sums of counts."""
    return {key: (np.array(rows) + np.array(other[key])).tolist() for key, rows in one.items()}


def keep(file: Path | None, counts: tuple[Counts, Dices]) -> None:
    """Write what was counted where it is to be kept."""
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as new:
            new.write(json.dumps(counts).encode())


def best(total: Counts, most_false: float) -> list[tuple[str, float, float, list[int]]]:
    """Of each class its key, threshold, smallest volume and counts.

    Args:
        total: Over all phantoms.
        most_false: Of all classes together.
    """
    points = list(itertools.product(THRESHOLDS, SMALLEST_ML))
    for price in PRICES:
        chosen = {
            key: int(np.argmax([found - price * false for found, false, _ in rows])) for key, rows in total.items()
        }
        if sum(total[key][place][1] for key, place in chosen.items()) <= most_false:
            break
    return [(key, *points[place], total[key][place]) for key, place in chosen.items()]


if __name__ == "__main__":
    main()
