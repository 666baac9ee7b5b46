r"""Transfer to new structures from 1, 5 and 20 cases, in every mode, against training from scratch.

    python benchmarks/transfer.py --work FOLDER -o benchmarks/results/transfer.json

Procedural phantoms at 8 mm. A small network first learns the packaged structures except four; these four are the task.
Every run has the preset for its number of cases with fewer steps; runs of one number of cases and one seed have the
same cases. Interrupted, the same command goes on; each run is kept below the work folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.cases import LabelledCase
from omentum.data.sampling.load import load_folder
from omentum.model import UniversalModel, load_model
from omentum.model.soup import average_models
from omentum.train.config.settings import TrainConfig
from omentum.train.config.task import load_task
from omentum.train.config.toml_file import load_config
from omentum.train.soup import average_weights
from omentum.train.soup_options import SoupKind, SoupOptions
from omentum.train.training import train_model
from omentum.train.validate import case_dice
from record import Cell, Table, publish, result_file, write_json

COMMAND = (sys.executable, "-c", "import sys; from omentum.cli import main; sys.exit(main())")
MEASURES = (
    *("src/omentum/train/config/presets", "src/omentum/train/config/transfer_mode.py", "src/omentum/train/learner.py"),
    "src/omentum/model/soup.py",
    *("src/omentum/train/fresh_model.py", "src/omentum/train/losses", "src/omentum/train/optimise"),
    *(
        "src/omentum/model/head.py",
        "src/omentum/model/plain_head.py",
        "src/omentum/model/low_rank.py",
        "src/omentum/train/config/task.py",
        "src/omentum/data/sampling/sampler.py",
    ),
)
NOVEL = ("colon", "small_bowel", "left_femoral_head", "right_femoral_head")
SHOTS, SEEDS = (1, 5, 20), (0, 1, 2)
SOUP_SHOTS = 5
"""The runs in mode full with so many cases are averaged; cases that none of them has choose the greedy soup."""
FOLDERS = {"init": (40, 94000), "few": (20, 95000), "unseen": (10, 96000)}
"""Folder -> number of phantoms, seed."""
SPACING_MM = 8
STEPS, INIT_STEPS = 150, 800
LIGHT = {"rotation_deg": 8.0, "scale": [0.9, 1.1], "elastic_voxels": 1.0, "structure_hu": [0.0, 0.0], "slab": 0.1}
LIGHT |= {"bias": 0.0, "noise": 0.3, "contrast": 0.3, "coarse": 0.0, "blur": 0.0, "gamma": 0.0}
NETWORK: dict[str, Any] = {
    "spacing_mm": [float(SPACING_MM)] * 3,
    "patch": [32, 32, 32],
    "parameters": {"widths": [32, 64, 96], "stem": 16, "blocks": 1},
}
COMMON: dict[str, Any] = {
    **{"batch": 2, "subsample_factor": 8, "first_logit": -2.0, "head_weight": 1.0, "balance": 0.3, "ema_decay": 0.98},
    **{"bf16": False, "workers": 0, "validate_every": 100_000, "warmup_steps": 20},
}
INIT = {**NETWORK, **COMMON, "steps": INIT_STEPS, "muon_lr": 0.01, "plateau_fraction": 0.3, "save_every": 100}
ABOUT = (
    f"Mean Dice of {len(NOVEL)} structures that the initial weights were not trained on (colon, small bowel, femoral "
    f"heads), over {FOLDERS['unseen'][0]} unseen phantoms at {SPACING_MM} mm; mean and range of the seeds. "
    f"{STEPS} steps of {COMMON['batch']} patches of 32 voxels, or three times as many."
)


@dataclass(frozen=True)
class Arm:
    """A way to learn the task.

    Args:
        name: In the table.
        mode: Of the transfer; that of the preset if empty.
        scratch: Whether it starts from random weights.
        longer: Factor of the number of steps.
    """

    name: str
    mode: str = ""
    scratch: bool = False
    longer: int = 1


ARMS = (
    Arm("scratch", "full", scratch=True),
    Arm("full", "full"),
    Arm("head", "head"),
    Arm("adapters", "adapters"),
    Arm("plain", "plain"),
    Arm("scratch, 3 times the steps", "full", scratch=True, longer=3),
    Arm("full, 3 times the steps", "full", longer=3),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for phantoms and runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--arms", nargs="+", default=[arm.name for arm in ARMS])
    parser.add_argument("--shots", type=int, nargs="+", default=list(SHOTS))
    parser.add_argument("--runs-only", action="store_true", help="no table: other processes make the other runs")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    work = arguments.work.resolve()
    make_phantoms(work)
    init = first_weights(work)
    arms = [arm for arm in ARMS if arm.name in arguments.arms]
    for seed in arguments.seeds:
        for arm in arms:
            for shots in arguments.shots:
                outcome(work, init, arm, shots, seed)
    if arguments.runs_only:
        return
    table = rows(list(outcomes(work)))
    publish(
        arguments.out,
        title="Transfer to new structures from few cases",
        about=ABOUT,
        measures=MEASURES,
        tables={"modes": Table(COLUMNS, table), "averages": Table(AVERAGES, averages(work))},
        values=share_of_cases(table),
    )


def averages(work: Path) -> list[tuple[Cell, ...]]:
    """Runs of one number of cases, which started from one set of weights, alone and averaged in every way."""
    runs = sorted((work / "runs").glob(f"full.{SOUP_SHOTS}.*/model.safetensors"))
    if len(runs) < 2:
        return []
    models, names = [load_model(run) for run in runs], [run.parent.name for run in runs]
    rows: list[tuple[Cell, ...]] = [
        (f"alone: {name}", mean_dice(model, work), 1) for name, model in zip(names, models, strict=True)
    ]
    rows.append(("mean of the probabilities", mean_dice(Ensemble(models), work), len(runs)))
    rows.append(("mean of the weights", mean_dice(average_models(models, names), work), 1))
    check = work / "check"
    check.mkdir(exist_ok=True)
    for case in sorted((work / "few").iterdir())[len(SEEDS) * SOUP_SHOTS :]:
        if not (check / case.name).is_symlink():
            (check / case.name).symlink_to(case)
    options = SoupOptions(kind=SoupKind.GREEDY, check=check)
    soup = average_weights(runs, work / "soup.safetensors", options=options, overwrite=True)
    title = f"greedy mean of the weights ({len(soup.members)} of {len(runs)})"
    return [*rows, (title, mean_dice(load_model(soup.path), work), 1)]


class Ensemble(torch.nn.Module):
    """Several models as one: the logit of the mean of their probabilities."""

    def __init__(self, models: Sequence[UniversalModel]) -> None:
        super().__init__()
        self.models, self.spec = torch.nn.ModuleList(models), models[0].spec
        self.text_embeddings = models[0].text_embeddings

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.sigmoid(model(x)) for model in self.models]).mean(0).logit(eps=1e-6)


def mean_dice(model: Any, work: Path) -> float:
    """Over structures, of the mean over the unseen phantoms."""
    return fmean(dice_of(model, work).values())


def dice_of(model: Any, work: Path) -> dict[str, float]:
    """Structure -> mean Dice over the unseen phantoms."""
    each = [case_dice(model, case, bf16=False) for case in unseen(work)]
    return {key: fmean(one[key] for one in each if key in one) for key in NOVEL}


def make_phantoms(work: Path) -> None:
    """The phantoms, where they are missing."""
    work.mkdir(parents=True, exist_ok=True)
    for name, (number, seed) in FOLDERS.items():
        if len(list((work / name).glob("*/case.json"))) < number:
            made = ("-n", str(number), "--seed", str(seed), "--spacing", str(SPACING_MM), "-o", str(work / name))
            subprocess.run([*COMMAND, "phantom", *made], check=True)


def first_weights(work: Path) -> Path:
    """The network that knows all structures but the new ones."""
    known = [key for key in STRUCTURES.default_keys if key not in NOVEL]
    config = load_config_of({**INIT, "classes": known, "augmentation": LIGHT}, work / "init")
    return trained(config, work / "run_init")


def outcome(work: Path, init: Path, arm: Arm, shots: int, seed: int) -> None:
    """Train and judge a run, unless its result is there."""
    name = f"{arm.name.replace(', ', '_').replace(' ', '_')}.{shots}.{seed}"
    result = work / "outcomes" / f"{name}.json"
    if result.exists():
        return
    result.parent.mkdir(exist_ok=True)
    config = task(work, init, arm, shots, seed)
    model = load_model(trained(config, work / "runs" / name))
    dice = dice_of(model, work)
    trained_numbers = sum(p.numel() for n, p in model.named_parameters() if is_trained(n, config))
    write_json(
        result,
        {"arm": arm.name, "shots": shots, "seed": seed, "dice": dice, "trained": trained_numbers},
    )
    print(f"{name}: {fmean(dice.values()):.3f}", file=sys.stderr, flush=True)


def task(work: Path, init: Path, arm: Arm, shots: int, seed: int) -> TrainConfig:
    """The settings of a run: those of the preset for its number of cases, with fewer steps."""
    folder = work / f"few_{shots}_{seed}"
    folder.mkdir(exist_ok=True)
    cases = sorted((work / "few").iterdir())
    first = seed * shots % len(cases)
    for case in [*cases, *cases][first : first + shots]:
        link = folder / case.name
        if not link.is_symlink():
            link.symlink_to(case)
    file = work / f"task_{arm.name.replace(' ', '_')}_{shots}_{seed}.toml"
    file.write_text(f"classes = {json.dumps(NOVEL)}\n", encoding="utf-8")
    steps = STEPS * arm.longer
    given = {**COMMON, "mode": arm.mode, "steps": steps, "save_every": steps, "seed": seed}
    config = load_task(file, init, given, [folder])
    return replace(config, init="") if arm.scratch else config


def load_config_of(settings: dict[str, Any], folder: Path) -> TrainConfig:
    """A configuration without a file."""
    return load_config("smoke", settings, [folder])


def trained(config: TrainConfig, run: Path) -> Path:
    """The weights of a run, made if need be."""
    weights = run / "model.safetensors"
    done = weights.exists() and f"step-{config.steps:08d}" in {path.name for path in (run / "checkpoints").iterdir()}
    return weights if done else train_model(config, run).model


def is_trained(name: str, config: TrainConfig) -> bool:
    """Whether a parameter is trained by a run."""
    parts = config.trained_parts
    return not parts or name.split(".")[0] in parts


@cache
def unseen(work: Path) -> tuple[LabelledCase, ...]:
    """The phantoms that runs are judged on."""
    return load_folder(work / "unseen", NOVEL, load_config_of(NETWORK, work / "unseen").preprocess)


def outcomes(work: Path) -> Iterator[dict[str, Any]]:
    """What every finished run found."""
    for path in sorted((work / "outcomes").glob("*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


AVERAGES = {"weights": "{}", "Dice": "{:.3f}", "networks run": "{}"}
COLUMNS = {
    **{"arm": "{}", "cases": "{}", "Dice": "{:.3f}", "lowest": "{:.3f}", "highest": "{:.3f}", "seeds": "{}"},
    "trained numbers": "{:,}",
}


def rows(found: Sequence[dict[str, Any]]) -> list[tuple[Cell, ...]]:
    """One row for each arm and number of cases."""
    out: list[tuple[Cell, ...]] = []
    for arm in ARMS:
        for shots in SHOTS:
            if runs := [one for one in found if (one["arm"], one["shots"]) == (arm.name, shots)]:
                dice = [fmean(one["dice"].values()) for one in runs]
                out.append((arm.name, shots, fmean(dice), min(dice), max(dice), len(dice), runs[0]["trained"]))
    return out


def share_of_cases(table: Sequence[tuple[Cell, ...]]) -> dict[str, Cell]:
    """Share of the most cases that each mode needs for the best Dice from scratch; None where it is not reached."""
    dice = {(str(row[0]), int(row[1] or 0)): float(row[2] or 0) for row in table}
    scratch = {arm.name for arm in ARMS if arm.scratch}
    target = max((value for (name, _), value in dice.items() if name in scratch), default=1.0)
    found: dict[str, Cell] = {"best Dice from scratch": target}
    for arm in ARMS:
        if arm.name not in scratch:
            enough = next((shots for shots in SHOTS if dice.get((arm.name, shots), 0) >= target), None)
            found[f"{arm.name}: share of the cases"] = enough and enough / SHOTS[-1]
    return found


if __name__ == "__main__":
    main()
