"""The default model on phantoms it never saw: Dice per structure, lesions found and missed per type.

    python benchmarks/unseen_phantoms.py --number 20 --seed 90000 -o benchmarks/results/unseen_phantoms.md

Training cases come from small seeds (see recipes/), so large ones are unseen.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import time
from pathlib import Path

from omentum.anatomy import STRUCTURES
from omentum.evaluate import Rules, Summary, evaluate, summarise
from omentum.phantom import make_case
from omentum.pipeline import Options, Segmenter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=20)
    parser.add_argument("--seed", type=int, default=90000)
    parser.add_argument("--spacing", type=float, nargs=3, default=(1.6, 1.6, 3.0), metavar="MM")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    segmenter = Segmenter(arguments.weights, Options(precision=arguments.precision))
    scores, seconds = [], []
    for k in range(arguments.number):
        case = make_case((arguments.seed, k), tuple(arguments.spacing))
        start = time.perf_counter()
        found = segmenter.segment(case.ct)
        seconds.append(time.perf_counter() - start)
        scores.append(evaluate(found, case.truth, case=f"phantom {k}", rules=Rules(distances=False)))
        print(f"phantom {k}: {case.ct.shape}, {seconds[-1]:.1f} s", file=sys.stderr)
    text = report(summarise(scores), seconds, " ".join(sys.argv))
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def report(summary: Summary, seconds: list[float], command: str) -> str:
    """A Markdown table with date and machine."""
    lines = [
        f"# Default model on {summary.cases} unseen phantoms",
        "",
        f"`python {command}`, {datetime.date.today()}, {os.cpu_count()} cores ({platform.processor() or 'x86-64'}), "
        f"median {sorted(seconds)[len(seconds) // 2]:.1f} s a case",
        "",
        f"Mean Dice over organs and vessels: **{number(summary.organ_dice.mean)}**; "
        f"over tumours and cysts: {number(summary.lesion_dice.mean)}",
        "",
        "| structure | n | mean Dice | 5th percentile | lesions found | missed | false |",
        "|---|---|---|---|---|---|---|",
    ]
    for key in STRUCTURES.keys:
        row = summary[key]
        lesions = row.lesions
        counts = (
            f"{lesions.true_positives} | {lesions.false_negatives} | {lesions.false_positives}" if lesions else " |  | "
        )
        dice = f"{row.dice.n} | {number(row.dice.mean)} | {number(row.dice.percentile_5)}"
        lines.append(f"| {STRUCTURES[key].display} | {dice} | {counts} |")
    return "\n".join(lines) + "\n"


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
