"""A small network trained on each kind of labels of the annotation loop, for annotation_loop.py."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from annotation_cases import name_of
from annotation_items import Item
from omentum.annotate.propose.gain import Suggestion
from omentum.cli import main as omentum
from omentum.evaluate.metrics.overlap import dice
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.truth import read_case, write_case
from omentum.pipeline import Segmenter, SegmentOptions
from omentum.segmentation import Segmentation

LOOP_TARGET, LEARNED_TARGET = 0.95, 0.99
"""Mean Dice at which the labels of the loop are trained on: of all structures, and of a loop over `LEARNED` alone."""
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
TEST_SEED, TEST_CASES, SPACING_MM = 7300, 8, 6
LEARNED = (
    *("liver", "spleen", "right_kidney", "left_kidney", "right_lung", "left_lung"),
    *("stomach", "aorta", "bladder"),
)
"""Structures that the small network learns."""


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
