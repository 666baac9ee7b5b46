"""Weights as a detector of lesions, on phantoms they never saw: half with lesions, half without.

    python benchmarks/lesion_detection.py --weights default lesions -o benchmarks/results/lesion_detection.json

Training cases come from small seeds (see recipes/), so large ones are unseen. Healthy phantoms have no lesion, but like
the others findings that are mistaken for them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.atomic import replacing
from omentum.evaluate import CaseScores, Rules, evaluate, summarise
from omentum.evaluate.metrics.detection import SIZE_BINS_MM
from omentum.evaluate.metrics.operating import STEPS, curve
from omentum.evaluate.metrics.patients import patient_table, wilson_95
from omentum.evaluate.metrics.roc import lesion_curves
from omentum.phantom import CaseOptions, LesionOptions, PhantomCase, make_case
from omentum.phantom.lesions.kinds import DEFAULT_ODDS
from omentum.pipeline import CaseSegmentation, Segmenter, SegmentOptions
from record import Cell, Table, publish, result_file

MEASURES = (
    *("src/omentum/resources/default.safetensors", "src/omentum/model/head.py", "src/omentum/infer"),
    *("src/omentum/model/backbones/residual_unet.py", "src/omentum/preprocess", "src/omentum/postprocess"),
    *("src/omentum/evaluate/metrics", "src/omentum/phantom"),
)
SMALLEST_ML = {"lesions": 0.065, "lesions_from_10_mm": 0.52}
"""Table -> a ball of 5 or 10 mm: smaller lesions are neither found nor missed, and smaller findings not false."""
RATES = (0.5, 1.0, 2.0)
Scores = dict[str, CaseScores]
"""Of a phantom, by table."""
COLUMNS = {
    "weights": "{}",
    "structure": "{}",
    "lesions": "{}",
    "found": "{}",
    "false a scan": "{:.2f}",
    **{f"sensitivity at {rate:g}": "{:.2f}" for rate in RATES},
    **{f"{size} at 1": "{:.2f}" for size in SIZE_BINS_MM},
    "threshold at 1": "{:.2f}",
}
PATIENTS = {
    "weights": "{}",
    "structure": "{}",
    "with": "{}",
    "without": "{}",
    "sensitivity": "{:.2f}",
    "sensitivity from": "{:.2f}",
    "sensitivity to": "{:.2f}",
    "specificity": "{:.2f}",
    "specificity from": "{:.2f}",
    "specificity to": "{:.2f}",
    "AUC": "{:.2f}",
}
HEALTHY = {
    "weights": "{}",
    "organ Dice": "{:.3f}",
    "healthy phantoms": "{}",
    "without a false lesion": "{:.0%}",
    "from": "{:.0%}",
    "to": "{:.0%}",
}
ORGANS = {"weights": "{}", "structure": "{}", "n": "{}", "mean Dice": "{:.3f}"}
ABOUT = (
    "*Found* and *false* are those of the finished segmentation; sensitivities are those of the best threshold with at "
    "most so many false lesions a scan (FROC, on the network's probabilities before cleaning), by diameter at one. "
    "Intervals are Wilson's, 95 %. Neither lesions nor findings below 5 mm count, in the second table none below 10 mm."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=60)
    parser.add_argument("--seed", type=int, default=91000)
    parser.add_argument("--spacing", type=float, nargs=3, default=(3.0, 3.0, 3.0), metavar="MM")
    parser.add_argument("--weights", nargs="+", default=["default"])
    parser.add_argument("--profile", default="exact")
    parser.add_argument("--work", type=Path, help="keep the scores of every phantom here, and go on from them")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    names = {Path(name).stem: name for name in arguments.weights}
    options = SegmentOptions(probabilities="uint8", profile=arguments.profile)
    segmenters = {stem: Segmenter(name, options) for stem, name in names.items()}
    scores: dict[str, list[Scores]] = {stem: [] for stem in names}
    for k in range(arguments.number):
        make = cache(partial(phantom, arguments.seed, k, tuple(arguments.spacing)))
        for stem, segmenter in segmenters.items():
            kept = None if arguments.work is None else arguments.work / f"{stem}_{arguments.seed}_{k:04d}.json"
            scores[stem].append(kept_or_scored(kept, segmenter, make, k))
        print(f"phantom {k}", file=sys.stderr)
    every = {stem: [case["lesions"] for case in found] for stem, found in scores.items()}
    counted = {
        table: [row for stem, found in scores.items() for row in lesion_rows(stem, [case[table] for case in found])]
        for table in SMALLEST_ML
    }
    publish(
        arguments.out,
        title=f"Lesions on {arguments.number} unseen phantoms, {arguments.number // 2} of them without any",
        about=ABOUT,
        measures=MEASURES,
        tables={
            "healthy": Table(HEALTHY, [healthy_row(*one) for one in every.items()]),
            **{table: Table(COLUMNS, rows) for table, rows in counted.items()},
            "patients": Table(PATIENTS, [row for one in every.items() for row in patient_rows(*one)]),
            "organs": Table(ORGANS, [row for one in every.items() for row in organ_rows(*one)]),
        },
        values={"phantoms": arguments.number},
    )


def phantom(seed: int, number: int, spacing_mm: tuple[float, float, float]) -> PhantomCase:
    """A phantom; every second one has no lesion (and a seed of its own)."""
    ill = number % 2 == 0
    lesions = LesionOptions() if ill else LesionOptions(odds=dict.fromkeys(DEFAULT_ODDS, 0.0))
    return make_case((seed if ill else seed + 1000, number // 2), spacing_mm, options=CaseOptions(lesions=lesions))


def kept_or_scored(kept: Path | None, segmenter: Segmenter, make: Callable[[], PhantomCase], number: int) -> Scores:
    """Scores of an earlier run, or new ones, which are kept."""
    if kept is not None and kept.exists():
        return {table: CaseScores.from_json(one) for table, one in json.loads(kept.read_bytes()).items()}
    case = make()
    found = segmenter.segment(case.ct)
    scores = {table: scored(found, case, number, smallest_ml) for table, smallest_ml in SMALLEST_ML.items()}
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as file:
            file.write(json.dumps({table: one.to_json() for table, one in scores.items()}).encode())
    return scores


def scored(found: CaseSegmentation, case: PhantomCase, number: int, smallest_ml: float) -> CaseScores:
    """Scores of one phantom, with the curves of its lesions."""
    scores = evaluate(
        found, case.truth, case=f"phantom {number}", rules=Rules(distances=False, minimum_lesion_ml=smallest_ml)
    )
    curves = {
        key: curve(
            np.rint(found.probability(key) * STEPS).astype(np.uint8),
            case.truth.mask(key),
            case.truth.grid.voxel_volume_ml,
            smallest_ml,
            removed_below_ml=smallest_ml,
        )
        for key in lesions()
    }
    return replace(scores, curves=curves)


def lesions() -> list[str]:
    """Keys of the lesion classes that a phantom has; the hepatic vessel's tumours are the liver's."""
    keys = [key for key in STRUCTURES.default_keys if STRUCTURES[key].is_lesion]
    return [key for key in keys if key != "hepatic_vessel_tumour"]


def lesion_rows(weights: str, scores: Sequence[CaseScores]) -> list[list[Cell]]:
    """One for each lesion class."""
    summary, found = summarise(scores), []
    for curves in lesion_curves(scores):
        count, points = summary[curves.key].lesions, {point.rate: point for point in curves.froc.points}
        if count is None:
            continue
        false = count.false_positives / len(scores)
        at_one = points[1.0]
        found.append(
            [
                *(weights, STRUCTURES[curves.key].display, count.reference_lesions, count.true_positives, false),
                *(points[rate].sensitivity for rate in RATES),
                *(at_one.sensitivity_by_size[size] for size in SIZE_BINS_MM),
                at_one.threshold,
            ]
        )
    return found


def patient_rows(weights: str, scores: Sequence[CaseScores]) -> list[list[Cell]]:
    """One for each lesion class: whether a phantom has it, as the finished segmentation says."""
    found: list[list[Cell]] = []
    for curves in lesion_curves(scores):
        table = patient_table(s.status for case in scores for s in case.structures if s.key == curves.key)
        ill, well = table.true_positives + table.false_negatives, table.true_negatives + table.false_positives
        intervals = (*(table.sensitivity_95 or (None, None)), *(table.specificity_95 or (None, None)))
        values = (table.sensitivity, *intervals[:2], table.specificity, *intervals[2:])
        found.append([weights, STRUCTURES[curves.key].display, ill, well, *values, curves.roc.auc])
    return found


def healthy_row(weights: str, scores: Sequence[CaseScores]) -> list[Cell]:
    """Organs, and how often a phantom without lesions is said to have none."""
    healthy = [case for case in scores if not any(case.curves[key].present for key in lesions())]
    clean = sum(
        not any(s.lesions is not None and s.lesions.false_positives for s in case.structures) for case in healthy
    )
    low, high = wilson_95(clean, len(healthy)) or (None, None)
    dice = summarise(scores).organ_dice.mean
    return [weights, dice, len(healthy), clean / len(healthy) if healthy else None, low, high]


def organ_rows(weights: str, scores: Sequence[CaseScores]) -> list[list[Cell]]:
    """One for each structure that is no lesion."""
    summary = summarise(scores)
    keys = [key for key in STRUCTURES.default_keys if not STRUCTURES[key].is_lesion]
    return [[weights, STRUCTURES[key].display, summary[key].dice.n, summary[key].dice.mean] for key in keys]


if __name__ == "__main__":
    main()
