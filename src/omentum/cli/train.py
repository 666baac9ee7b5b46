"""`omentum train`: a configuration in, a checkpoint out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[Path, typer.Argument(help="TOML file that defines the run", dir_okay=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="folder for checkpoints and log; an earlier run goes on")],
    steps: Annotated[int | None, typer.Option(help="optimiser steps, instead of the file's")] = None,
    quiet: Annotated[bool, typer.Option(help="print nothing but errors")] = False,
) -> None:
    """Train a model on partially labelled cases; interrupted runs go on where they stopped."""
    from rich.console import Console

    from omentum.anatomy import STRUCTURES
    from omentum.data.sampler import PatchSampler
    from omentum.train.config import load_config
    from omentum.train.loop import train as run_training
    from omentum.train.sources import load_sources

    console = Console(quiet=quiet, highlight=False)
    settings = load_config(config, {} if steps is None else {"steps": steps})
    with console.status("reading cases") as status:
        sources, held_out = load_sources(
            settings, STRUCTURES.keys, lambda name, done, total: status.update(f"reading {name}: {done} of {total}")
        )
    for source in sources:
        console.print(f"{source.name}: {len(source.cases)} cases, weight {source.weight:g}")
    console.print(f"{len(held_out)} cases for validation, {settings.steps} steps")
    sampler = PatchSampler(
        sources=sources,
        classes=STRUCTURES.keys,
        patch=settings.patch,
        window_hu=settings.window_hu,
        augmentation=settings.augmentation,
        foreground=settings.foreground,
        temperature=settings.temperature,
        lesion_weight=settings.lesion_weight,
        seed=settings.seed,
    )

    def tell(kind: str, figures: dict[str, float]) -> None:
        if kind == "step":
            remaining = (settings.steps - figures["step"]) * figures["seconds_a_step"] / 60
            console.print(
                f"step {figures['step']:.0f}/{settings.steps}  loss {figures['loss']:.3f}  dice loss "
                f"{figures['dice_loss']:.3f}  {figures['seconds_a_step']:.2f} s/step  {remaining:.0f} min left"
            )
        else:
            console.print(f"validation at {figures['step']:.0f}: mean Dice {figures['mean_dice']:.3f}")
            console.print(json.dumps({k: round(v, 3) for k, v in figures.items() if k not in ("step", "mean_dice")}))

    result = run_training(settings, sampler, held_out, out, tell)
    console.print(f"done: {result}")
