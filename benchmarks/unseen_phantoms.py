"""The default model on phantoms it never saw: Dice per structure, lesions found and missed per type.

    python benchmarks/unseen_phantoms.py --number 20 --seed 90000 -o benchmarks/results/unseen_phantoms.json

Training cases come from small seeds (see recipes/), so large ones are unseen.
"""

from __future__ import annotations

import argparse
import sys
import time

from omentum.anatomy import STRUCTURES
from omentum.evaluate import Rules, Summary, evaluate, summarise
from omentum.phantom import make_case
from omentum.pipeline import Segmenter, SegmentOptions
from record import Cell, Table, publish, result_file

MEASURES = (
    *("src/omentum/resources/default.safetensors", "src/omentum/model/head.py", "src/omentum/infer"),
    *("src/omentum/model/backbones/residual_unet.py", "src/omentum/preprocess", "src/omentum/postprocess"),
    *("src/omentum/evaluate/metrics/overlap.py", "src/omentum/evaluate/metrics/detection.py", "src/omentum/phantom"),
)
COLUMNS = {
    "structure": "{}",
    "n": "{}",
    "mean Dice": "{:.3f}",
    "5th percentile": "{:.3f}",
    "lesions found": "{}",
    "missed": "{}",
    "false": "{}",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=20)
    parser.add_argument("--seed", type=int, default=90000)
    parser.add_argument("--spacing", type=float, nargs=3, default=(1.6, 1.6, 3.0), metavar="MM")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    segmenter = Segmenter(arguments.weights, SegmentOptions(precision=arguments.precision))
    scores, seconds = [], []
    for k in range(arguments.number):
        case = make_case((arguments.seed, k), tuple(arguments.spacing))
        start = time.perf_counter()
        found = segmenter.segment(case.ct)
        seconds.append(time.perf_counter() - start)
        scores.append(evaluate(found, case.truth, case=f"phantom {k}", rules=Rules(distances=False)))
        print(f"phantom {k}: {case.ct.shape}, {seconds[-1]:.1f} s", file=sys.stderr)
    summary = summarise(scores)
    publish(
        arguments.out,
        title=f"The bundled model on {summary.cases} unseen phantoms",
        measures=MEASURES,
        tables={"structures": Table(COLUMNS, rows(summary))},
        values={
            "organs and vessels": summary.organ_dice.mean,
            "tumours and cysts": summary.lesion_dice.mean,
            "phantoms": summary.cases,
            "median s a case": sorted(seconds)[len(seconds) // 2],
        },
    )


def rows(summary: Summary) -> list[tuple[Cell, ...]]:
    """One for each structure."""
    found = []
    for key in STRUCTURES.keys:
        row, lesions = summary[key], summary[key].lesions
        counts: tuple[Cell, ...] = (None,) * 3
        if lesions:
            counts = (lesions.true_positives, lesions.false_negatives, lesions.false_positives)
        found.append((STRUCTURES[key].display, row.dice.n, row.dice.mean, row.dice.percentile_5, *counts))
    return found


if __name__ == "__main__":
    main()
