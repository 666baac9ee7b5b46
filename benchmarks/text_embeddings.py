"""Embeddings as they are, normalised, centred, or without words: how far structures are apart, and what is learned.

    python benchmarks/text_embeddings.py --clip TABLE.npy --work DIR -o benchmarks/results/text_embeddings.json

Heads are trained on the frozen backbone of the bundled model (see frozen_features.py), once for each way to present the
embeddings and each seed. The last table leaves structures out of the training and generates their heads from their
words alone. Runs that are in the work folder already are used again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from frozen_features import CONFIG, KEYS, Features, dice_of, features_of, train_head
from omentum.anatomy import STRUCTURES
from omentum.report.class_map import ClassMap, ClassMapStage
from record import Cell, Table, publish, result_file

sys.path.append(str(Path(__file__).parent / "experiments"))
from tables import clip, gaussian, minilm, one_hot

MEASURES = (
    *("src/omentum/anatomy/prompts.py", "src/omentum/anatomy/structures.toml", "src/omentum/text"),
    *("src/omentum/train/losses/loss.py", "src/omentum/train/optimise", "src/omentum/model/head.py"),
    *("src/omentum/resources/default.safetensors", "benchmarks/frozen_features.py"),
)
TRAIN_CASES, TEST_CASES = 8, 5
SEEDS = (0, 1, 2)
ORGANS = tuple(row.key for row in STRUCTURES if not row.is_lesion)
EARLY = 100
HELD_OUT = ("left_kidney", "left_lung", "left_femoral_head", "spleen", "aorta", "bladder", "pancreas")
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
    "all 32": "{:.3f}",
    "loss at step 100": "{:.2f}",
    "loss at the end": "{:.2f}",
    "heads: side nearest to side, of 8": "{:.1f}",
    "lesion nearest to its organ, of 7": "{:.1f}",
}
LEFT_OUT = {
    "left out": "{}",
    "Dice when learned": "{:.2f}",
    "MiniLM: Dice when left out": "{:.2f}",
    "CLIP: Dice when left out": "{:.2f}",
    "MiniLM: most like": "{}",
    "Dice with that": "{:.2f}",
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
    work = options.work.resolve()
    windows = Windows(features_of(work, "train", TRAIN_CASES, 40000), features_of(work, "test", TEST_CASES, 41000))
    apart = [("MiniLM", name, *distances(embedded(name))) for name in ("V1", "V2", "V3")]
    apart += [("CLIP, published", "V3", *distances(published)), ("one-hot", "", *distances(one_hot()))]
    publish(
        options.out,
        title="Text embeddings: distances, centring and normalising, structures left out",
        about="Cosines between the 32 structures. Directions: participation ratio of the centred rows, at most 31.",
        measures=MEASURES,
        tables={
            "apart": Table(APART, apart),
            "learned": Table(
                LEARNED,
                learn(all_arms(published), work, options.seeds, windows),
                about=f"Heads on the frozen backbone of the bundled model: {CONFIG.steps} steps on {TRAIN_CASES} "
                f"phantoms, {len(options.seeds)} seeds; Dice on {TEST_CASES} others. Unit: of length 1. The text layer "
                "is spread over the structures at the start (the default), or as torch initialises it.",
            ),
            "left_out": Table(
                LEFT_OUT,
                left_out({"MiniLM": minilm(), "CLIP": published}, work, options.seeds, windows),
                about="Heads trained without one structure, which then is segmented with the head that its words give. "
                "The backbone was trained with all structures, so this flatters the words. Most like: the learned "
                "structure whose mask has the highest Dice with it.",
            ),
        },
    )


@dataclass(frozen=True)
class Windows:
    """What heads learn from, and what they are judged on."""

    train: Sequence[Features]
    test: Sequence[Features]


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


def learn(arms: list[Arm], work: Path, seeds: Sequence[int], windows: Windows) -> list[tuple[Cell, ...]]:
    """All runs, the first seed of every arm first; rows of LEARNED."""
    found = {(arm, seed): one_run(arm, seed, work, windows) for seed in seeds for arm in arms}
    rows = []
    for arm in arms:
        runs = [found[arm, seed] for seed in seeds]
        organs = [float(np.mean([run["dice"][key] for key in ORGANS if key in run["dice"]])) for run in runs]
        everything = float(np.mean([np.mean(list(run["dice"].values())) for run in runs]))
        early, late = (float(np.mean([run["loss"][part] for run in runs])) for part in ("early", "late"))
        told = ", ".join(f"{dice:.3f}" for dice in organs)
        layer = "spread" if arm.spread else "as torch"
        sides, lesions = np.mean([run["related"] for run in runs], axis=0).tolist()
        figures = (float(np.mean(organs)), told, everything, early, late, sides, lesions)
        rows.append((arm.name, arm.way, layer, *figures))
    return rows


def one_run(arm: Arm, seed: int, work: Path, windows: Windows, without: str = "") -> dict:
    """Train and score, unless the work folder has it."""
    name = f"{arm.name}-{arm.way}-{'spread' if arm.spread else 'plain'}-{seed}{without}".replace(" ", "_")
    kept = work / f"{name}.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    table, began = WAYS[arm.way](arm.table(seed)), time.process_time()
    classes = [k for k, key in enumerate(KEYS) if key != without]
    head, losses = train_head(windows.train, table, seed, spread=arm.spread, classes=classes)
    dice, shared = dice_of(head, windows.test, table)
    with torch.inference_mode():
        heads = ClassMapStage.of("heads", head.text_terms(table.float())[1].numpy())
    found = ClassMap(KEYS, (heads,))
    related = [found.share_nearest(heads, those)[0] for those in (found.pairs, found.lesions)]
    like = {}
    if without:
        k, sizes = KEYS.index(without), shared.diagonal()
        like = {KEYS[o]: float(2 * shared[k, o] / max(1, sizes[k] + sizes[o])) for o in classes}
    loss = {"early": float(np.mean(losses[EARLY - 20 : EARLY + 20])), "late": float(np.mean(losses[-40:]))}
    run = {"dice": dice, "loss": loss, "like": like, "related": related, "cpu_s": time.process_time() - began}
    kept.write_text(json.dumps(run))
    print(f"{name}: Dice {np.mean(list(dice.values())):.3f}, {run['cpu_s']:.0f} s", file=sys.stderr, flush=True)
    return run


def left_out(
    tables: Mapping[str, Tensor], work: Path, seeds: Sequence[int], windows: Windows
) -> list[tuple[Cell, ...]]:
    """Rows of LEFT_OUT; means over seeds."""
    arms = {name: Arm(name, "as it is", True, lambda seed, table=table: table) for name, table in tables.items()}
    rows = []
    for key in HELD_OUT:
        whole = [one_run(arms["MiniLM"], seed, work, windows)["dice"][key] for seed in seeds]
        without = {name: one_run(arm, seeds[0], work, windows, key) for name, arm in arms.items()}
        like = without["MiniLM"]["like"]
        nearest = max(like, key=like.__getitem__)
        dice = [run["dice"][key] for run in without.values()]
        rows.append((STRUCTURES[key].display, float(np.mean(whole)), *dice, STRUCTURES[nearest].display, like[nearest]))
    return rows


if __name__ == "__main__":
    main()
