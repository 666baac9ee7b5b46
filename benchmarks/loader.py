"""Loading and augmentation: patches a processor second from a store, against MONAI's dictionary transforms on .nii.gz.

    python benchmarks/loader.py -o benchmarks/results/loader.json

The same phantoms in the same run, one process and one thread each, files in the page cache for both. MONAI does what
the published training did (Liu et al., ICCV 2023: load, orient, resample to 1.5 mm, window, crop to the foreground,
crop patches around labels, quarter turns, intensity shifts; the zoom for the Decathlon's cases only), on one label map:
the published 32-channel HDF5 labels, which cost seconds a case, are left out. Ours reads the boxes it needs from a
prepared store and gives every patch 32 overlapping structures.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import omentum
from monai_loading import monai_effects, monai_pipelines, monai_prepared
from omentum.anatomy import STRUCTURES
from omentum.data.sampling.augmentation import NONE, Augmentation
from omentum.data.sampling.load_store import load_store
from omentum.data.sampling.loader import PatchLoader
from omentum.data.sampling.sampler import PatchSampler, PatchSource
from omentum.train.config.toml_file import load_config
from patch_timing import COLUMNS, PATCH, SPEC, Timed, timed
from record import Table, publish, result_file
from store_throughput import prepare, write_raw

MEASURES = (
    *(
        "src/omentum/data/sampling/loader.py",
        "src/omentum/data/sampling/sampler.py",
        "src/omentum/data/sampling/augment.py",
    ),
    *(
        "src/omentum/data/sampling/appearance.py",
        "src/omentum/data/sampling/warp.py",
        "src/omentum/data/store/store.py",
    ),
)
RECIPE = load_config("published", data=[Path()])
PUBLISHED = replace(RECIPE.augmentation, magnify=RECIPE.datasets["msd-liver"].magnify)
"""As the published training varied the cases of the Decathlon."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=3)
    parser.add_argument("--spacing", type=float, nargs=3, default=(1.6, 1.6, 3.0), metavar="MM")
    parser.add_argument("--patches", type=int, default=120, help="of ours")
    parser.add_argument("--steps", type=int, default=12, help="of training")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch)
        voxels = write_raw(raw, arguments.cases, arguments.cases, tuple(arguments.spacing))
        prepare(raw, 1)
        cases, _ = load_store(raw / "store", STRUCTURES.keys, SPEC)
        ours = {name: ours_with(cases, how, arguments.patches) for name, how in OURS.items()}
        ours["store, only cut"] = timed(sampler_of(cases, PUBLISHED).cut, arguments.patches)
        theirs = dict(monai_pipelines(raw, arguments.cases))
        theirs |= monai_prepared(raw, cases)
        alike = monai_effects(cases[0], arguments.patches // 4)
        step, waited = training(cases, arguments.steps)
    publish(
        arguments.out,
        title="Loading and augmentation: patches of 96³ at 1.5 mm",
        about=(
            f"Ratios are of processor time. One process and one thread each, the same {arguments.cases} phantoms "
            f"({voxels / 1e6:.1f} million voxels a raw case; a clinical CT has 30-150 million, and costs MONAI's way "
            "so much more). *Only cut* is what a worker does where a GPU finishes patches."
        ),
        measures=MEASURES,
        tables=tables(ours, theirs, alike),
        values=beside_training(ours["store, all of our augmentation"], step, waited),
    )


OURS = {
    "store, varied as published": PUBLISHED,
    "store, all of our augmentation": Augmentation(),
    "store, not varied": NONE,
}


def sampler_of(cases: Sequence[Any], how: Augmentation) -> PatchSampler:
    return PatchSampler((PatchSource("phantoms", tuple(cases)),), STRUCTURES.keys, PATCH, SPEC.window_hu, how)


def ours_with(cases: Sequence[Any], how: Augmentation, patches: int) -> Timed:
    return timed(sampler_of(cases, how).batch, patches)


def training(cases: Sequence[Any], steps: int) -> tuple[Timed, float]:
    """Forward and backward pass of the bundled model's backbone (a training step does more), and the time it waited."""
    model = omentum.load_model("default").train()
    numbers = [[number] for number in range(steps + 1)]
    loader = PatchLoader(sampler_of(cases, Augmentation()), numbers, torch.device("cpu"), workers=1)
    batches = iter(loader)
    first = next(batches)
    _pass(model, first.images)
    loader.waited_s = 0.0
    processor, wall = time.process_time(), time.perf_counter()
    for batch in batches:
        _pass(model, batch.images)
    taken = Timed(steps, time.process_time() - processor, time.perf_counter() - wall)
    return taken, loader.waited_s / taken.wall_s


def _pass(model: Any, images: torch.Tensor) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        deep, decoded, *_ = model.backbone.stages(images)
    (deep.float().square().mean() + decoded.float().square().mean()).backward()


def tables(ours: dict[str, Timed], theirs: dict[str, Timed], alike: Timed) -> dict[str, Table]:
    """Whole patches, and effects alone."""
    baseline, full = theirs["raw .nii.gz, 4 patches a case"], ours["store, all of our augmentation"]
    rows = [row.row(f"ours: {what}", baseline) for what, row in ours.items()]
    rows += [row.row(f"MONAI: {what}", baseline) for what, row in theirs.items()]
    effects = [
        alike.row("MONAI: like effects with like probabilities, from a patch in memory", alike),
        full.row("ours: all of our augmentation, reading included", alike),
    ]
    return {
        "patches": Table({**COLUMNS, "times MONAI from raw files with 4 a case": "**{:.1f}**"}, rows),
        "augmentation": Table({**COLUMNS, "times MONAI": "**{:.1f}**"}, effects),
    }


def beside_training(full: Timed, step: Timed, waited: float) -> dict[str, float]:
    """A step (forward and backward pass of the bundled model's backbone, bfloat16, one thread) against a patch."""
    step_ms, patch_ms = (1000 * of.processor_s / of.patches for of in (step, full))
    return {
        "processor ms of a training step": step_ms,
        "training steps : patches": step_ms / patch_ms,
        "share of the time that training waited for one worker": waited,
    }


if __name__ == "__main__":
    main()
