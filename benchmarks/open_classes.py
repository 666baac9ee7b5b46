r"""Structures that are not among the packaged ones, learned from restyled bodies: alone, and beside the packaged ones.

    python benchmarks/open_classes.py --labels labels.nii.gz --names names.json --work own \
        -o benchmarks/results/open_classes.json

The label map is a real body's with TotalSegmentator's names; every case is that body deformed, refilled and scanned
anew (`omentum phantom --from-labels`), so that unseen cases are unseen in shape and grey values, not in anatomy. All
runs have the preset `compact`. The first learns the structures below alone, from nothing; the second all 32 and these,
from the bundled weights, whose text layer and heads meet the new words for the first time; the third these alone on a
finer grid, for the smallest of them. What is in the work folder already is used again; an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from facts import ROOT
from omentum.anatomy import STRUCTURES, include_structures
from omentum.evaluate import Rules, Summary, evaluate, summarise
from omentum.io.truth import read_case
from omentum.pipeline import Segmenter, SegmentOptions
from record import Cell, Table, publish, result_file

BUNDLED = ROOT / "src/omentum/resources/default.safetensors"
COMMAND = (sys.executable, "-c", "import sys; from omentum.cli import main; sys.exit(main())")
MEASURES = (
    *(
        "src/omentum/train",
        "src/omentum/data/sampling/class_sets.py",
        "src/omentum/data/sampling/sampler.py",
        "src/omentum/data/sampling/augment.py",
    ),
    *("src/omentum/anatomy/structures.py", "src/omentum/anatomy/structure_file.py", "src/omentum/anatomy/prompts.py"),
    *(
        "src/omentum/phantom/restyle.py",
        "src/omentum/phantom/label_names.py",
        "src/omentum/evaluate/metrics/overlap.py",
    ),
)
OWN = """
[vertebra_L1]
noun = "first lumbar vertebra"
synonyms = ["vertebrae_L1"]
volume_ml = [20, 120]

[gluteus_maximus_left]
side = "left"
pair = "gluteus_maximus_right"
volume_ml = [150, 1500]

[gluteus_maximus_right]
side = "right"
pair = "gluteus_maximus_left"
volume_ml = [150, 1500]

[left_atrial_appendage]
noun = "appendage of the left heart atrium"
synonyms = ["atrial_appendage_left"]
volume_ml = [2, 40]

[heart]
volume_ml = [300, 1500]
"""
RUN = """
preset = "compact"
{first_weights}
structures = "structures.toml"
{classes}
spacing_mm = [{mm}, {mm}, {mm}]
patch = [48, 48, 48]
steps = {steps}
batch = {batch}
save_every = {steps}
validate_every = {steps}
workers = 0

[[data]]
folder = "train"
"""


@dataclass(frozen=True)
class Run:
    """A run: its name, whether it learns the own structures alone, begins with the bundled weights, and how long."""

    name: str
    classes: bool
    first_weights: bool
    steps: int
    batch: int
    mm: float = 6.0


COLUMNS = {"structure": "{}", "n": "{}", "alone": "{:.2f}", "beside the 32": "{:.2f}", "alone at 3 mm": "{:.2f}"}
TRAIN_SEED, UNSEEN_SEED = 1, 2
ALONE = Run("own", classes=True, first_weights=False, steps=400, batch=2)
BESIDE = Run("beside", classes=False, first_weights=True, steps=500, batch=1)
FINE = Run("fine", classes=True, first_weights=True, steps=400, batch=1, mm=3.0)
ABOUT = (
    "Mean Dice on {unseen} unseen cases, at their own 4 mm; all of them restyle one and the same body. Alone: from "
    f"nothing at 6 mm, {ALONE.steps} steps of {ALONE.batch} patches. Beside the 32: from the bundled weights at 6 mm, "
    f"{BESIDE.steps} steps of {BESIDE.batch}. Alone at 3 mm: from the bundled weights, {FINE.steps} steps of "
    f"{FINE.batch}."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=Path, required=True, help="a real body's label map")
    parser.add_argument("--names", type=Path, required=True, help="JSON: value -> name")
    parser.add_argument("--work", type=Path, required=True, help="folder for cases and runs")
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--unseen", type=int, default=6)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    (work / "structures.toml").write_text(OWN, encoding="utf-8")
    for folder, number, seed in (("train", arguments.cases, TRAIN_SEED), ("test", arguments.unseen, UNSEEN_SEED)):
        _make_cases(work, folder, number, seed, (arguments.labels.resolve(), arguments.names.resolve()))
    own = include_structures(work / "structures.toml")
    summaries = [_judged(_trained(work, run, own), work / "test") for run in (ALONE, BESIDE, FINE)]
    publish(
        arguments.out,
        title="Structures of a user",
        about=ABOUT.format(unseen=arguments.unseen),
        measures=MEASURES,
        tables={"own": Table(COLUMNS, _rows(own, summaries)), "32": Table(COLUMNS, _packaged_rows(summaries))},
    )


def _make_cases(work: Path, folder: str, number: int, seed: int, source: tuple[Path, Path]) -> None:
    if len(list((work / folder).glob("*/case.json"))) == number:
        return
    labels, names = map(str, source)
    made = ("-o", folder, "-n", str(number), "--seed", str(seed), "--spacing", "4", "--structures", "structures.toml")
    _run(work, "phantom", *made, "--from-labels", labels, "--names", names)


def _trained(work: Path, run: Run, own: tuple[str, ...]) -> Path:
    """The weights of a run, made if need be."""
    classes = f"classes = {json.dumps(own)}" if run.classes else ""
    first_weights = f"init = {json.dumps(str(BUNDLED))}" if run.first_weights else ""
    text = RUN.format(classes=classes, first_weights=first_weights, steps=run.steps, batch=run.batch, mm=run.mm)
    (work / f"{run.name}.toml").write_text(text, encoding="utf-8")
    weights = work / f"run_{run.name}" / "model.safetensors"
    if not weights.is_file():
        _run(work, "train", f"{run.name}.toml", "-o", f"run_{run.name}")
    return weights


def _judged(weights: Path, folder: Path) -> Summary:
    segmenter, scores = Segmenter(weights, SegmentOptions(locate=False)), []
    for place in sorted(path.parent for path in folder.glob("*/case.json")):
        ct, truth, _ = read_case(place)
        found = segmenter.segment(ct)
        scores.append(evaluate(found, truth, case=place.name, rules=Rules(distances=False)))
        print(f"{weights.parent.name}: {place.name}", file=sys.stderr)
    return summarise(scores)


def _rows(own: tuple[str, ...], summaries: list[Summary]) -> list[tuple[Cell, ...]]:
    each = [[summary[key].dice for summary in summaries] for key in own]
    return [(STRUCTURES[k].display, dice[0].n, *(d.mean for d in dice)) for k, dice in zip(own, each, strict=True)]


def _packaged_rows(summaries: list[Summary]) -> list[tuple[Cell, ...]]:
    """What the second run learned beside; the first has no output for it."""
    dice = {key: summaries[1][key].dice for key in STRUCTURES.default_keys}
    return [(STRUCTURES[key].display, row.n, None, row.mean, None) for key, row in dice.items() if row.n]


def _run(work: Path, *arguments: str) -> None:
    print("omentum", *arguments, file=sys.stderr)
    subprocess.run([*COMMAND, *arguments], check=True, cwd=work)


if __name__ == "__main__":
    main()
