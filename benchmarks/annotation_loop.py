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
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from annotation_cases import add_arguments, name_of, proposed
from omentum.annotate.propose.gain import ACCEPT_DICE, LOOK_S, OPEN_S, PAINT_S, PAINT_S_PER_CM2, Suggestion
from omentum.annotate.propose.proposals import StructureProposal, WorklistItem
from omentum.cli import main as omentum
from omentum.evaluate.metrics.overlap import dice
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.truth import read_case, write_case
from omentum.pipeline import Segmenter, SegmentOptions
from omentum.segmentation import Segmentation
from record import Table, publish, result_file

MEASURES = (
    *("src/omentum/annotate/propose/gain.py", "src/omentum/annotate/propose/evidence.py"),
    *("src/omentum/quality/score.json", "benchmarks/annotation_loop.py", "benchmarks/annotation_cases.py"),
)
TARGETS = (0.85, 0.9, 0.95)
"""Mean Dice over all structures of all cases."""
LOOP_TARGET, LEARNED_TARGET = 0.95, 0.99
"""Mean Dice at which the labels of the loop are trained on: of all structures, and of a loop over `LEARNED` alone."""
RANDOM_ORDERS = 50
ORDER = {"order": "{}"} | {
    f"{what} to {target}": "{:.0%}" for what in ("voxels", "time", "structures") for target in TARGETS
}
SUGGESTED = {"suggestion": "{}", "proposals": "{}", "median Dice": "{:.3f}", "with Dice >= 0.95": "{:.0%}"}
SLICES = {"slices read": "{:.0%}", "errors in them, as listed": "{:.0%}", "at random": "{:.0%}"}
TRAINED = {
    "labels": "{}",
    "corrected": "{:.0%}",
    "trained on": "{:.0%}",
    "Dice of these": "{:.3f}",
    "test Dice": "{:.3f}",
    "minus full truth": "**{:+.3f}**",
    "lowest": "{:+.3f}",
    "highest": "{:+.3f}",
}
SLICE_SHARES = (0.1, 0.2, 0.3)
TEST_SEED, TEST_CASES, SPACING_MM = 7300, 8, 6
LEARNED = (
    *("liver", "spleen", "right_kidney", "left_kidney", "right_lung", "left_lung"),
    *("stomach", "aorta", "bladder"),
)
"""Structures that the small network learns."""


@dataclass(frozen=True)
class Item:
    """A structure of a case with what only the truth tells."""

    rank: int
    case: str
    proposal: StructureProposal
    dice: float
    changed: int
    slices: int
    painted_slices: int
    changed_cm2: float

    @property
    def seconds(self) -> float:
        """Time of a perfect correction."""
        return OPEN_S + LOOK_S * self.slices + PAINT_S * self.painted_slices + PAINT_S_PER_CM2 * self.changed_cm2


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


def told(folder: Path, item: WorklistItem) -> Item:
    """Compare a proposal with the truth."""
    proposal, truth = _masks(folder, item.case)
    key = item.structure.key
    a, b = proposal.mask(key), truth.mask(key)
    wrong, axis = a ^ b, "ijk".index(item.structure.slice_axis)
    across = tuple(n for n in range(3) if n != axis)
    cm2 = float(np.prod([truth.grid.spacing_mm[n] for n in across])) / 100
    return Item(
        item.rank,
        item.case,
        item.structure,
        dice(a, b),
        int(wrong.sum()),
        int((a | b).any(axis=across).sum()),
        int(wrong.any(axis=across).sum()),
        float(wrong.sum()) * cm2,
    )


_READ: dict[tuple[Path, str], tuple[Segmentation, Segmentation]] = {}


def _masks(folder: Path, case: str) -> tuple[Segmentation, Segmentation]:
    if (folder, case) not in _READ:
        _, truth, _ = read_case(folder / "cases" / case)
        _READ[folder, case] = read_seg_nrrd(folder / "round" / "proposals" / f"{case}.seg.nrrd"), truth
    return _READ[folder, case]


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
        proposal, truth = _masks(folder, item.case)
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


@dataclass(frozen=True)
class Labels:
    """One kind of labels of `LEARNED`, as pairs of case and structure.

    Args:
        name: Of the row.
        true: Corrected, or true from the beginning; everything else is as proposed.
        used: Annotated; everything else has no loss.
    """

    name: str
    true: frozenset[tuple[str, str]]
    used: frozenset[tuple[str, str]]


def label_kinds(items: Sequence[Item]) -> list[Labels]:
    """What a network is trained on; full truth comes first."""
    learned = [item for item in items if item.proposal.key in LEARNED]
    everything = frozenset((item.case, item.proposal.key) for item in learned)
    loop = corrected_until(items, LOOP_TARGET) & everything
    sure = {(item.case, item.proposal.key) for item in learned if item.proposal.suggestion is Suggestion.ACCEPT}
    return [
        Labels("full truth", everything, everything),
        Labels("loop", loop, everything),
        Labels("loop, unsure left out", loop, loop | sure),
        Labels("loop over these nine", corrected_until(learned, LEARNED_TARGET), everything),
        Labels("proposals alone", frozenset(), everything),
    ]


def trained(arguments: argparse.Namespace, items: Sequence[Item]) -> list[list[Any]]:
    """Test Dice of a small network trained on each kind of labels: mean over seeds, and differences seed by seed."""
    kinds = label_kinds(items)
    test = arguments.folder / "test"
    if not (test / name_of(TEST_CASES - 1) / "case.json").is_file():
        made = ["--seed", str(TEST_SEED), "--spacing", str(SPACING_MM), "-o", str(test), "--quiet"]
        omentum(["phantom", "-n", str(TEST_CASES), *made])
    seeds = range(arguments.seeds)
    scores = np.array([[_score(arguments, labels, seed, test) for labels in kinds] for seed in seeds]).T
    rows: list[list[Any]] = []
    for labels, row in zip(kinds, scores, strict=True):
        less = row - scores[0]
        shares = [len(some) / len(kinds[0].used) for some in (labels.true, labels.used)]
        spread = [float(less.mean()), float(less.min()), float(less.max())]
        rows.append([labels.name, *shares, _label_dice(items, labels), float(row.mean()), *spread])
    return rows


def corrected_until(items: Sequence[Item], target: float) -> frozenset[tuple[str, str]]:
    """What is corrected in the order of the worklist until the mean Dice reaches a target."""
    mean, chosen = float(np.mean([item.dice for item in items])), set()
    for item in items:
        if mean >= target:
            break
        mean += (1 - item.dice) / len(items)
        chosen.add((item.case, item.proposal.key))
    return frozenset(chosen)


def _label_dice(items: Sequence[Item], labels: Labels) -> float:
    used = [item for item in items if (item.case, item.proposal.key) in labels.used]
    return float(np.mean([1.0 if (item.case, item.proposal.key) in labels.true else item.dice for item in used]))


def _score(arguments: argparse.Namespace, labels: Labels, seed: int, test: Path) -> float:
    import omentum

    folder: Path = arguments.folder
    name = f"{labels.name.replace(',', '').replace(' ', '_')}_{arguments.number}"
    run = folder / "runs" / f"{name}_{arguments.steps}_{seed}"
    kept = folder / "scores" / f"{run.name}.json"
    if not kept.is_file():
        _put_labels(folder, folder / "labels" / name, arguments.number, labels)
        config = omentum.load_config(
            "smoke",
            {
                "data": [{"folder": str(folder / "labels" / name)}],
                "classes": list(LEARNED),
                "steps": arguments.steps,
                "seed": seed,
                "patch": [32, 32, 32],
                "validate_every": arguments.steps,
                "save_every": arguments.steps,
                "workers": 0,
            },
        )
        model = omentum.train_model(config, run).model
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(_test_dice(model, test)), encoding="utf-8")
        print(f"{run.name}: {kept.read_text()}", file=sys.stderr, flush=True)
    return float(json.loads(kept.read_text()))


def _put_labels(folder: Path, target: Path, number: int, labels: Labels) -> None:
    """Case folders with these labels."""
    for n in range(number):
        case = name_of(n)
        if (target / case / "case.json").is_file():
            continue
        ct, truth, _ = read_case(folder / "cases" / case)
        proposal = read_seg_nrrd(folder / "round" / "proposals" / f"{case}.seg.nrrd")
        masks = {key: (truth if (case, key) in labels.true else proposal).mask(key) for key in LEARNED}
        annotated = {key for key in LEARNED if (case, key) in labels.used}
        write_case(target / case, ct, Segmentation.from_masks(masks, ct.affine, annotated), {})


def _test_dice(model: Path, test: Path) -> float:
    segmenter = Segmenter(str(model), SegmentOptions(LEARNED, locate=False, postprocess="none"))
    scores = []
    for folder in sorted(test.iterdir()):
        ct, truth, _ = read_case(folder)
        found = segmenter.segment(ct)
        scores += [dice(found.mask(key), truth.mask(key)) for key in LEARNED if truth.mask(key).any()]
    return float(np.mean(scores))


if __name__ == "__main__":
    main()
