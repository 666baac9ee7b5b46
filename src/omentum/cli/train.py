"""`omentum train`: a configuration or preset in, a checkpoint out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omentum.cli.case_warnings import print_case_warnings
from omentum.cli.option_table import Quiet
from omentum.cli.structures_option import StructuresFile
from omentum.errors import UsageError
from omentum.formatting import counted

if TYPE_CHECKING:
    from omentum.cli.train_progress import TrainProgress
    from omentum.data.sampling.sampler import PatchSampler
    from omentum.train.config.settings import TrainConfig
    from omentum.train.run.sources import TrainingData

ALL_FOLDS = "all"


def train(
    config: Annotated[
        str | None, typer.Argument(help="TOML file that defines the run, or a preset: published|compact|smoke")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="folder of the run; an earlier run in it goes on")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data", help="store or folder of cases, instead of all [[data]] and [[pairs]] of the file; repeatable"
        ),
    ] = None,
    split: Annotated[
        Path | None, typer.Option("--split", help="see only what this split allows: omentum data split")
    ] = None,
    fold: Annotated[
        str | None, typer.Option(help="validate on this fold, train on the others; all: one run after the other")
    ] = None,
    part: Annotated[
        str | None, typer.Option(help='train on this part of the split; "folds": on all of them', show_default="train")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value instead of the file's; repeatable", metavar="KEY=VALUE")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="a few steps only: memory, time and what is sampled; writes nothing")
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="print every setting of the run with what it means, as a TOML file; no run")
    ] = False,
    structures: StructuresFile = None,
    quiet: Quiet = False,
) -> None:
    """Train a model on partially labelled cases; an interrupted run goes on where it stopped.

    omentum train --show lists all settings with their defaults, omentum train compact --show those of a preset.

    On several GPUs or machines: torchrun --nproc-per-node N --no-python omentum train ...
    """
    from omentum.cli.train_folds import folds_of, how_to_judge, run_of_fold
    from omentum.train.config.toml_file import load_config, parse_settings, presets
    from omentum.train.run.show import shown

    given = parse_settings(settings or ()) | ({"structures": str(structures)} if structures else {})
    given |= _of_split(split, fold, part)
    if show:
        typer.echo(shown(config, given, data or ()))
        return
    if config is None:
        raise UsageError("needs a configuration", remedy=f"a TOML file or one of {', '.join(presets())}")
    if out is None and not dry_run:
        raise UsageError("needs a folder for the run", remedy="add -o FOLDER, or --dry-run")
    with print_case_warnings():
        run = load_config(config, given, data or ())
        if fold != ALL_FOLDS:
            _train(run, out, dry_run, quiet)
            return
        numbers = folds_of(run, dry_run=dry_run)
        assert out is not None
        for number in numbers:
            _train(run_of_fold(run, number), out / f"fold-{number}", dry_run, quiet, f"fold-{number}: ")
    if not quiet:
        typer.echo(how_to_judge(run, out, numbers), err=True)


def _of_split(split: Path | None, fold: str | None, part: str | None) -> dict[str, str | int]:
    """What the command line says of a split, as settings."""
    values: dict[str, str | int] = {}
    if split is not None:
        values |= {"split": str(split)}
    if part is not None:
        values |= {"part": part}
    if fold is not None and fold != ALL_FOLDS:
        if not fold.isdecimal():
            raise UsageError(f"--fold {fold!r} is no number from 0", remedy="e.g. --fold 0, or --fold all")
        values |= {"fold": int(fold)}
    return values


def _train(run: TrainConfig, out: Path | None, dry_run: bool, quiet: bool, which: str = "") -> None:
    """One run, or what it would cost."""
    from omentum.cli.train_progress import TrainProgress

    with TrainProgress(run.steps, silent=quiet or os.environ.get("RANK", "0") != "0") as progress:
        sampler, loaded = _read_cases(run, progress, which)
        if dry_run:
            from omentum.cli.train_plan import told
            from omentum.train.run.dry_run import dry_run as plan_of

            progress.say("taking a few steps")
            progress.say(told(plan_of(run, sampler), run, len(loaded.held_out)))
            return
        from omentum.train.loop import train as run_training

        assert out is not None
        result = run_training(run, sampler, loaded.held_out, out, progress.report, record=loaded.record)
        progress.say(f"{which}done: {result}")


def _read_cases(run: TrainConfig, progress: TrainProgress, which: str) -> tuple[PatchSampler, TrainingData]:
    from omentum.data.sampling.sampler import PatchSampler
    from omentum.train.classes import run_classes
    from omentum.train.run.sources import load_sources
    from omentum.train.words import check_words

    classes = run_classes(run)
    check_words(run, classes)
    loaded = load_sources(run, classes, progress.reading)
    for source in loaded.sources:
        progress.say(f"{which}{source.name}: {counted(len(source.cases), 'case')}, weight {source.weight:g}")
    for remark in loaded.remarks:
        progress.say(remark)
    structures, held_out = counted(len(classes), "structure"), counted(len(loaded.held_out), "case")
    progress.say(f"{which}{structures}, {held_out} for validation, {run.steps} steps")
    sampler = PatchSampler(
        sources=loaded.sources,
        classes=classes,
        patch=run.patch,
        window_hu=run.window_hu,
        augmentation=run.augmentation,
        foreground_probability=run.foreground_probability,
        temperature=run.temperature,
        lesion_weight=run.lesion_weight,
        patches_per_case=run.patches_per_case,
        seed=run.seed,
        spacing_mm=run.spacing_mm,
    )
    return sampler, loaded
