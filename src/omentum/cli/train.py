"""`omentum train`: a configuration or preset in, a checkpoint out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omentum.cli.structures_option import StructuresFile
from omentum.errors import UsageError

if TYPE_CHECKING:
    from omentum.cli.train_progress import TrainProgress
    from omentum.data.cases import LabelledCase
    from omentum.data.sampler import PatchSampler
    from omentum.train.config import TrainConfig


def train(
    config: Annotated[str, typer.Argument(help="TOML file that defines the run, or a preset: published|compact|smoke")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="folder of the run; an earlier run in it goes on")
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="store or folder of cases, instead of the file's; repeatable")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value instead of the file's; repeatable", metavar="KEY=VALUE")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="a few steps only: memory, time and what is sampled; writes nothing")
    ] = False,
    structures: StructuresFile = None,
    quiet: Annotated[bool, typer.Option(help="print nothing but warnings and errors")] = False,
) -> None:
    """Train a model on partially labelled cases; an interrupted run goes on where it stopped.

    On several GPUs or machines: torchrun --nproc-per-node N --no-python omentum train ...
    """
    from omentum.cli.train_progress import TrainProgress
    from omentum.train.config_file import load_config, parse_settings

    if out is None and not dry_run:
        raise UsageError("needs a folder for the run", remedy="add -o FOLDER, or --dry-run")
    given = parse_settings(settings or ()) | ({"structures": str(structures)} if structures else {})
    run = load_config(config, given, data or ())
    with TrainProgress(run.steps, silent=quiet or os.environ.get("RANK", "0") != "0") as progress:
        sampler, held_out = _read_cases(run, progress)
        if dry_run:
            from omentum.cli.train_plan import told
            from omentum.train.dry_run import dry_run as plan_of

            progress.say("taking a few steps")
            progress.say(told(plan_of(run, sampler), run, len(held_out)))
            return
        from omentum.train.loop import train as run_training

        assert out is not None
        progress.say(f"done: {run_training(run, sampler, held_out, out, progress.report)}")


def _read_cases(run: TrainConfig, progress: TrainProgress) -> tuple[PatchSampler, tuple[LabelledCase, ...]]:
    from omentum.data.sampler import PatchSampler
    from omentum.train.classes import run_classes
    from omentum.train.sources import load_sources

    classes = run_classes(run)
    sources, held_out = load_sources(run, classes, progress.reading)
    for source in sources:
        progress.say(f"{source.name}: {len(source.cases)} cases, weight {source.weight:g}")
    progress.say(f"{len(classes)} structures, {len(held_out)} cases for validation, {run.steps} steps")
    sampler = PatchSampler(
        sources=sources,
        classes=classes,
        patch=run.patch,
        window_hu=run.window_hu,
        augmentation=run.augmentation,
        foreground=run.foreground,
        temperature=run.temperature,
        lesion_weight=run.lesion_weight,
        patches_per_case=run.patches_per_case,
        seed=run.seed,
        spacing_mm=run.spacing_mm,
    )
    return sampler, held_out
