"""Embeddings as they are, normalised, centred, or without words: how far structures are apart, and what is learned.

    python benchmarks/text_embeddings.py --clip TABLE.npy --work DIR -o benchmarks/results/text_embeddings.json

The first table needs seconds. The second trains a small network on phantoms with all labels, once for each way to
present the embeddings and each seed: same patches, same initial weights of the backbone. Runs that are in the work
folder already are used again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.augmentation import Augmentation
from omentum.data.sampling.load import load_folder
from omentum.data.sampling.sampler import PatchSampler, PatchSource
from omentum.model import load_checkpoint
from omentum.train import fresh_model, loop
from omentum.train.config.settings import DataConfig, TrainConfig
from omentum.train.run.log import LOG_EVERY
from record import Cell, Table, publish, result_file

sys.path.append(str(Path(__file__).parent / "experiments"))
from tables import clip, gaussian, minilm, one_hot
from trainer import scores

MEASURES = (
    *("src/omentum/anatomy/prompts.py", "src/omentum/anatomy/structures.toml", "src/omentum/text"),
    *("src/omentum/train/losses", "src/omentum/train/optimise", "src/omentum/train/fresh_model.py"),
    *("src/omentum/model/head.py", "src/omentum/model/backbones/residual_unet.py", "src/omentum/data/sampling"),
)
COMMAND = (sys.executable, "-c", "import sys; from omentum.cli import main; sys.exit(main())")
TRAIN_CASES, TEST_CASES = 10, 5
SEEDS = (0, 1)
EARLY = 200 // LOG_EVERY - 1
ORGANS = tuple(row.key for row in STRUCTURES if not row.is_lesion)
CONFIG = TrainConfig(
    data=(DataConfig(store="injected"),),
    parameters={"widths": [8, 16, 32], "stem": 8, "blocks": 1, "decoded_channels": 8},
    spacing_mm=(10.0, 10.0, 10.0),
    patch=(24, 24, 24),
    steps=800,
    batch=1,
    subsample_factor=4,
    muon_lr=0.02,
    warmup_steps=20,
    plateau_fraction=0.2,
    first_logit=-3.0,
    head_weight=1.0,
    balance=0.3,
    ema_decay=0.97,
    bf16=False,
    workers=0,
    save_every=1000,
    validate_every=1000,
    augmentation=Augmentation(flip=0.0, elastic_voxels=0.0, structure_hu=(0.0, 0.0)),
)
APART = {
    "embedding": "{}",
    "prompt": "{}",
    "mean cosine": "{:.3f}",
    "left-right cosine": "{:.3f}",
    "lowest cosine": "{:.3f}",
    "centred: left-right cosine": "{:.3f}",
    "centred: mean of the others": "{:.3f}",
    "left-right distance, of the mean distance": "{:.2f}",
    "directions": "{:.1f}",
}
LEARNED = {
    "embedding": "{}",
    "presented": "{}",
    "text layer": "{}",
    "organ Dice": "{:.3f}",
    "of each seed": "{}",
    "loss at 200 steps": "{:.2f}",
    "loss at the end": "{:.2f}",
}


def unit(table: Tensor) -> Tensor:
    """Rows of length 1."""
    return torch.nn.functional.normalize(table)


def centred(table: Tensor) -> Tensor:
    """Without the mean over structures."""
    return table - table.mean(0)


def centred_unit(table: Tensor) -> Tensor:
    """Centred, then of length 1."""
    return unit(centred(table))


WAYS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "as it is": lambda table: table,
    "unit": unit,
    "centred, unit": centred_unit,
}


@dataclass(frozen=True)
class Arm:
    """One way to present embeddings to a training.

    Args:
        name: Of the embedding.
        way: Key of `WAYS`.
        spread: Whether the trainer scales its text layer (`spread_text`).
        table: Seed -> embeddings [K, width].
    """

    name: str
    way: str
    spread: bool
    table: Callable[[int], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path, required=True, help=".npy [32, 512]: CLIP embeddings, template order")
    parser.add_argument("--work", type=Path, required=True, help="folder for phantoms and runs")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    parser.add_argument("-o", "--out", type=result_file)
    options = parser.parse_args()
    published = clip(options.clip)
    apart = [("MiniLM", name, *distances(embedded(name))) for name in ("V1", "V2", "V3")]
    apart += [("CLIP, published", "V3", *distances(published)), ("one-hot", "", *distances(one_hot()))]
    learned = learn(all_arms(published), options.work.resolve(), options.seeds)
    publish(
        options.out,
        title="Text embeddings: distances, centring and normalising",
        about="Cosines between the 32 structures. Directions: participation ratio of the centred rows, at most 31.",
        measures=MEASURES,
        tables={
            "apart": Table(APART, apart),
            "learned": Table(
                LEARNED,
                learned,
                about=f"{CONFIG.steps} steps of {CONFIG.batch} patch on {TRAIN_CASES} phantoms at 10 mm, "
                f"{len(options.seeds)} seeds; Dice of the organs on {TEST_CASES} others. Unit: of length 1. The "
                "text layer is spread over the structures at the start (the default), or as torch initialises it.",
            ),
        },
    )


def embedded(template: str) -> Tensor:
    """MiniLM on a template of the paper."""
    from omentum.text.structure_embeddings import embed_structures

    return embed_structures(STRUCTURES.default_keys, template=template).rows


def distances(table: Tensor) -> tuple[Cell, ...]:
    """The cells of a row of APART after its name."""
    plain, apart = (unit(t) @ unit(t).T for t in (table.double(), centred(table.double())))
    k = len(table)
    off = ~torch.eye(k, dtype=torch.bool)
    sides = torch.zeros(k, k, dtype=torch.bool)
    for row in STRUCTURES:
        if row.pair:
            sides[row.index - 1, STRUCTURES[row.pair].index - 1] = True
    gaps = torch.cdist(table.double(), table.double())
    power = torch.linalg.svdvals(centred(table.double())) ** 2
    return (
        float(plain[off].mean()),
        float(plain[sides].mean()),
        float(plain[off].min()),
        float(apart[sides].mean()),
        float(apart[off & ~sides].mean()),
        float(gaps[sides].mean() / gaps[off].mean()),
        float(power.sum() ** 2 / (power**2).sum()),
    )


def all_arms(published: Tensor) -> list[Arm]:
    words, fixed = minilm(), lambda table: lambda seed: table
    arms = [Arm("MiniLM", way, True, fixed(words)) for way in WAYS]
    arms += [Arm("CLIP", "as it is", True, fixed(published)), Arm("one-hot", "as it is", True, fixed(one_hot()))]
    arms += [Arm("random", "as it is", True, gaussian)]
    arms += [Arm("MiniLM", way, False, fixed(words)) for way in ("as it is", "centred, unit")]
    return arms + [Arm("CLIP", way, False, fixed(published)) for way in ("as it is", "centred, unit")]


def learn(arms: list[Arm], work: Path, seeds: list[int]) -> list[tuple[Cell, ...]]:
    """All runs, the first seed of every arm first; rows of LEARNED."""
    cases = {name: partial(phantoms, work / name, n, seed) for name, n, seed in (
        ("train", TRAIN_CASES, 40000), ("test", TEST_CASES, 41000))}  # fmt: skip
    loaded = {name: make() for name, make in cases.items()}
    found = {(arm, seed): one_run(arm, seed, work, loaded) for seed in seeds for arm in arms}
    rows = []
    for arm in arms:
        runs = [found[arm, seed] for seed in seeds]
        dice = [run["dice"] for run in runs]
        early, late = (float(np.mean([run["loss"][n] for run in runs])) for n in (EARLY, -1))
        rows.append(
            (arm.name, arm.way, "spread" if arm.spread else "as torch", float(np.mean(dice)),
             ", ".join(f"{d:.3f}" for d in dice), early, late)
        )  # fmt: skip
    return rows


def phantoms(folder: Path, number: int, seed: int):
    """Phantoms with all labels, as training cases."""
    if len(list(folder.glob("*/case.json"))) < number:
        made = ("phantom", "-n", str(number), "--seed", str(seed), "--spacing", "5", "-o", str(folder), "--quiet")
        subprocess.run([*COMMAND, *made], check=True)
    return load_folder(folder, STRUCTURES.default_keys, CONFIG.preprocess)


def one_run(arm: Arm, seed: int, work: Path, cases: Mapping[str, tuple]) -> dict:
    """Train and score, unless the work folder has it."""
    name = f"{arm.name}-{arm.way}-{'spread' if arm.spread else 'plain'}-{seed}".replace(" ", "_")
    kept = work / f"{name}.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    config = replace(CONFIG, seed=seed, spread_text=arm.spread)
    table, losses, began = WAYS[arm.way](arm.table(seed)), [], time.process_time()
    torch.manual_seed(seed)
    with patch.object(fresh_model, "embed", lambda prompts, encoder: table):
        model = fresh_model.new_model(config)
    sampler = PatchSampler(
        (PatchSource("phantoms", cases["train"]),), STRUCTURES.default_keys, config.patch, config.window_hu,
        config.augmentation, seed=seed, spacing_mm=config.spacing_mm,
    )  # fmt: skip

    def tell(kind, figures):
        if kind == "step":
            losses.append(round(float(figures["loss"]), 4))

    checkpoint = loop.run_training(config, sampler, (), work / name, tell, model=model)
    dice, _ = scores(load_checkpoint(checkpoint), cases["test"])
    given = {key: [v for v in values if v is not None] for key, values in dice.items()}
    means = {key: float(np.mean(values)) for key, values in given.items() if values}
    mean = float(np.mean([means[key] for key in ORGANS if key in means]))
    run = {"dice": mean, "of_each": means, "loss": losses, "cpu_s": time.process_time() - began}
    kept.write_text(json.dumps(run))
    print(f"{name}: Dice {mean:.3f}, {run['cpu_s']:.0f} s", file=sys.stderr, flush=True)
    return run


if __name__ == "__main__":
    main()
