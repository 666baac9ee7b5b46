"""All arms and seeds, one after another; finished ones are skipped, interrupted ones go on.

    python benchmarks/experiments/material.py FOLDER
    python benchmarks/experiments/run.py FOLDER --clip TABLE.npy

Several may run at once on one folder: a run belongs to whoever holds its lock. Results are kept apart by the state of
the code they measure (results/runs/STATE/): after a change of it every arm that is asked for is run anew, beside what
was there.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import torch
from arms import Arm, all_arms
from filelock import FileLock, Timeout
from material import unseen_cases
from states import MEASURES, code_state
from study import STUDY_FILE, Study, load_study
from trainer import scores, train

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.cases import LabelledCase
from omentum.model import load_checkpoint
from omentum.train.run.folder import CHECKPOINTS, RESULT_FILE

sys.path.append(str(Path(__file__).parents[1]))
from facts import facts
from record import content_hash, write_json

RESULTS = Path(__file__).parent / "results" / "runs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="as material.py made it; runs are kept here too")
    parser.add_argument("--clip", type=Path, required=True, help=".npy [32, 512]: CLIP embeddings, template order")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only", nargs="*", default=None, help="names of arms")
    parser.add_argument("--study", type=Path, default=STUDY_FILE)
    options = parser.parse_args()
    if options.study != STUDY_FILE and options.results == RESULTS:
        parser.error("another study needs --results of its own")
    torch.set_num_threads(1)
    study, options.measures = load_study(options.study), {entry: content_hash(entry) for entry in MEASURES}
    state = code_state(options.measures)
    options.results, options.runs = options.results / state, options.folder / "runs" / state
    arms = [a for a in all_arms(study, options.folder, options.clip) if not options.only or a.name in options.only]
    unseen = unseen_cases(options.folder, study)
    options.results.mkdir(parents=True, exist_ok=True)
    order = [(arm, seed) for seed in study.seeds for arm in arms]
    while any(attempt(arm, seed, study, unseen, options) for arm, seed in order):
        pass  # what was waiting for that run comes before what is further down


def attempt(arm: Arm, seed: int, study: Study, unseen: tuple[LabelledCase, ...], options: argparse.Namespace) -> bool:
    """Make the result of a run, unless it is there, somebody else is at it, or what it starts from is not finished.

    Returns:
        Whether it was made.
    """
    result, runs = options.results / f"{arm.name}.{seed}.json", options.runs
    run = runs / f"{arm.name}.{seed}"
    start = runs / f"{arm.start}.{seed}" / RESULT_FILE if arm.start else None
    ready = not arm.start or (options.results / f"{arm.start}.{seed}.json").exists()
    runs.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(runs / f"{run.name}.lock", blocking=False):
            if result.exists() or not ready:
                return False
            began = time.monotonic()
            made = outcome(arm, seed, study, unseen, (run, start))
            write_json(result, {**made, "made": facts(), "measures": options.measures})
            shutil.rmtree(run / CHECKPOINTS)  # several times the size of the result
            print(f"{arm.name}.{seed}: {time.monotonic() - began:.0f} s, {brief(made)}", file=sys.stderr, flush=True)
            return True
    except Timeout:
        return False


def outcome(
    arm: Arm, seed: int, study: Study, unseen: tuple[LabelledCase, ...], places: tuple[Path, Path | None]
) -> dict[str, Any]:
    """Everything a run has to tell, as JSON values."""
    checkpoint, curve, cost = train(arm, seed, study, *places)
    dice, predict_cpu_s = scores(load_checkpoint(checkpoint), unseen)
    sources = arm.sources(seed)
    taught = {k for source in sources for case in source.cases for k in case.annotated.nonzero()[0].tolist()}
    return {
        "arm": arm.name,
        "seed": seed,
        "steps": arm.steps,
        "cases": sum(len(source.cases) for source in sources),
        "taught": [key for k, key in enumerate(STRUCTURES.keys) if k in taught],
        "cpu_s_a_step": round(cost.cpu_s_a_step, 4),
        "predict_cpu_s": round(predict_cpu_s, 2),
        "curve": curve,
        "dice": dice,
    }


def brief(made: dict[str, Any]) -> str:
    """For the eye: mean Dice of a few large organs."""
    known = {key: [d for d in made["dice"][key] if d is not None] for key in ("liver", "spleen", "left_lung", "aorta")}
    return ", ".join(f"{key} {sum(v) / len(v):.2f}" for key, v in known.items() if v)


if __name__ == "__main__":
    main()
