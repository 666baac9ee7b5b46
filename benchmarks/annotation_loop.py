"""What the order of the worklist is worth, and labels of the annotation loop against full truth. Phantoms.

    python benchmarks/annotation_loop.py --folder DATA/annotation -n 12 -o benchmarks/results/annotation_loop.json

The bundled model proposes all structures of phantoms (annotation_cases.py). A simulated annotator corrects one
structure of one case after the other, perfectly, in the order of the worklist, of other rules, or at random. Effort is
the voxels changed, and the time of `omentum.annotate.propose.gain` with the true changes.

Then a small network is trained from scratch on each kind of labels (`label_kinds`), with several seeds, and tested on
other phantoms. What is trained is kept in the folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from annotation_cases import add_arguments, proposed
from annotation_items import Item, masks, told
from annotation_training import TRAINED, trained
from omentum.annotate.propose.gain import ACCEPT_DICE, Suggestion
from record import Table, publish, result_file

MEASURES = (
    *("src/omentum/annotate/propose/gain.py", "src/omentum/annotate/propose/evidence.py"),
    *("src/omentum/quality/score.json", "benchmarks/annotation_loop.py", "benchmarks/annotation_cases.py"),
    *("benchmarks/annotation_items.py", "benchmarks/annotation_training.py"),
)
TARGETS = (0.85, 0.9, 0.95)
"""Mean Dice over all structures of all cases."""
RANDOM_ORDERS = 50
ORDER = {"order": "{}"} | {
    f"{what} to {target}": "{:.0%}" for what in ("voxels", "time", "structures") for target in TARGETS
}
SUGGESTED = {"suggestion": "{}", "proposals": "{}", "median Dice": "{:.3f}", "with Dice >= 0.95": "{:.0%}"}
SLICES = {"slices read": "{:.0%}", "errors in them, as listed": "{:.0%}", "at random": "{:.0%}"}
SLICE_SHARES = (0.1, 0.2, 0.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, 12)
    parser.add_argument("--seeds", type=int, default=1, help="trainings on each kind of labels; 0: none")
    parser.add_argument("--steps", type=int, default=800, help="of a training")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    result = proposed(arguments.folder, arguments.number)
    items = [told(arguments.folder, item) for item in result.worklist.items]
    tables = {
        "orders": Table(ORDER, orders(items), notes=["Shares of what correcting everything would take."]),
        "suggestions": Table(SUGGESTED, suggestions(items)),
        "slices": Table(SLICES, slice_order(arguments.folder, items)),
    }
    values: dict[str, Any] = {
        "cases": arguments.number,
        "structures": len(items),
        "mean Dice of the proposals": float(np.mean([item.dice for item in items])),
        "accepted unchanged": share(items, lambda item: item.dice >= ACCEPT_DICE),
        "rank correlation of expected and true Dice": rank_correlation(
            items, lambda i: (i.proposal.expected_dice, i.dice)
        ),
        "rank correlation of expected and true changes": rank_correlation(
            items, lambda i: (i.proposal.expected_changed_voxels, i.changed)
        ),
    }
    if arguments.seeds:
        tables["trained"] = Table(TRAINED, trained(arguments, items))
    about = f"{arguments.number} phantoms at 3 mm, 32 structures each, proposals of the bundled model."
    publish(arguments.out, title="The annotation loop", about=about, measures=MEASURES, tables=tables, values=values)


def orders(items: Sequence[Item]) -> list[list[Any]]:
    """Share of all voxels, time and structures that each order needs to reach the targets."""
    rng = np.random.default_rng(0)
    shuffled = [costs([items[n] for n in rng.permutation(len(items))]) for _ in range(RANDOM_ORDERS)]
    return [
        ["worklist", *costs(items)],
        ["random", *np.mean(shuffled, axis=0).tolist()],
        ["lowest quality score first", *costs(sorted(items, key=lambda i: i.proposal.score or 0.0))],
        ["lowest expected Dice first", *costs(sorted(items, key=lambda i: i.proposal.expected_dice))],
        ["smallest first", *costs(sorted(items, key=lambda i: i.proposal.voxels))],
        ["true gain per minute", *costs(sorted(items, key=lambda i: -(1 - i.dice) / i.seconds))],
    ]


def costs(items: Sequence[Item]) -> list[float]:
    """See `orders`."""
    gained = np.cumsum([1 - item.dice for item in items]) / len(items)
    reached = 1 - sum(1 - item.dice for item in items) / len(items) + gained
    shares = []
    for value in (lambda i: i.changed, lambda i: i.seconds, lambda i: 1.0):
        spent = np.cumsum([value(item) for item in items])
        for target in TARGETS:
            n = int(np.searchsorted(reached, target))
            shares.append(float(spent[min(n, len(items) - 1)] / spent[-1]))
    return shares


def suggestions(items: Sequence[Item]) -> list[list[Any]]:
    """How good the proposals with each suggestion are."""
    rows = []
    for suggestion in Suggestion:
        some = [item for item in items if item.proposal.suggestion is suggestion]
        if some:
            middle = float(np.median([item.dice for item in some]))
            rows.append([suggestion.value, len(some), middle, share(some, lambda item: item.dice >= ACCEPT_DICE)])
    return rows


def slice_order(folder: Path, items: Sequence[Item]) -> list[list[float]]:
    """Share of the wrong voxels in the slices listed first, over structures that were found."""
    found: dict[float, list[tuple[float, float]]] = {share: [] for share in SLICE_SHARES}
    for item in sorted(items, key=lambda i: i.case):
        if not item.proposal.voxels or not item.changed or len(item.proposal.slices) < 5:
            continue
        proposal, truth = masks(folder, item.case)
        axis = "ijk".index(item.proposal.slice_axis)
        across = tuple(n for n in range(3) if n != axis)
        wrong = (proposal.mask(item.proposal.key) ^ truth.mask(item.proposal.key)).sum(axis=across)
        for part in SLICE_SHARES:
            n = round(part * item.slices)
            if 1 <= n <= len(item.proposal.slices):
                listed = [hint.index for hint in item.proposal.slices[:n]]
                found[part].append((wrong[listed].sum() / wrong.sum(), n / max(1, item.slices)))
    return [[part, *np.mean(pairs, axis=0).tolist()] for part, pairs in found.items() if pairs]


def share(items: Sequence[Item], holds: Any) -> float:
    return sum(map(holds, items)) / len(items)


def rank_correlation(items: Sequence[Item], pair: Any) -> float:
    found = np.array([pair(item) for item in items], float)
    return float(spearmanr(found[:, 0], found[:, 1])[0])


if __name__ == "__main__":
    main()
