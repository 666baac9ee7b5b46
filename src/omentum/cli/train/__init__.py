"""`omentum train`: trains a model from a configuration or preset."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omentum.cli.case_warnings import print_case_warnings
from omentum.cli.option_table import Quiet, with_options
from omentum.cli.structures_option import StructuresFile
from omentum.cli.train.second_pass import train_regions
from omentum.errors import UsageError
from omentum.train.config.fold_choice import FoldChoice
from omentum.train.config.task_choice import TaskChoice

if TYPE_CHECKING:
    from omentum.train.config.settings import TrainConfig


@with_options
def train(
    choice: FoldChoice,
    start: TaskChoice,
    config: Annotated[
        str | None, typer.Argument(help="TOML file that defines the run, or a preset: published|compact|smoke")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="folder of the run; an earlier run in it goes on")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="store or folder of cases, instead of all data and pairs of the file; repeatable"),
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
    """Train a model on partially labelled cases; an interrupted run is resumed.

    omentum train --show lists all settings with their defaults; omentum train compact --show those of a preset.

    A file with [[regions]] trains a second pass, which looks inside the organs that other weights find.

    Transfer to new structures: omentum train --init WEIGHTS --task FILE takes network and grid from the weights.

    On several GPUs or machines: torchrun --nproc-per-node N --no-python omentum train ...
    """
    from omentum.anatomy.vocabulary import split_phrases
    from omentum.train.config.toml_file import parse_settings, presets
    from omentum.train.second_pass.toml_file import is_second_pass

    given = parse_settings(settings or ()) | ({"structures": str(structures)} if structures else {})
    given |= choice.settings | start.settings
    given |= {"classes": list(split_phrases(start.classes))} if start.classes else {}
    silent = quiet or os.environ.get("RANK", "0") != "0"
    if config is not None and start.task is None and is_second_pass(config):
        refused = {
            "--split, --fold or --part": choice != FoldChoice(),
            "--classes": start.classes is not None,
            "--structures": structures is not None,
            "--dry-run": dry_run,
        }
        train_regions(config, out, given, data or (), refused, show=show, silent=silent)
        return
    if start.task is not None and config is not None:
        raise UsageError(f"{config} and --task {start.task}", remedy="a task is a configuration: give one of the two")
    if show:
        typer.echo(_shown(config, start, given, data or ()))
        return
    if config is None and start.task is None:
        raise UsageError("needs a configuration", remedy=f"a TOML file or one of {', '.join(presets())}")
    if out is None and not dry_run:
        raise UsageError("needs a folder for the run", remedy="add -o FOLDER, or --dry-run")
    if dry_run and choice.all_folds:
        raise UsageError("--dry-run is for one run", remedy="--fold 0: the others cost the same")
    with print_case_warnings():
        run = _loaded(config, start, given, data or (), silent)
        if dry_run:
            _plan(run, silent)
            return
        assert out is not None
        _train(run, out, silent, all_folds=choice.all_folds)


def _loaded(
    config: str | None, start: TaskChoice, given: Mapping[str, Any], data: Sequence[Path], silent: bool
) -> TrainConfig:
    from omentum.train.config.task import load_task
    from omentum.train.config.toml_file import load_config

    if start.task is None:
        assert config is not None
        return load_config(config, given, data)

    def note(message: str) -> None:
        if not silent:
            typer.echo(message, err=True)

    return load_task(start.task, overrides=given, data=data, note=note)


def _shown(config: str | None, start: TaskChoice, given: Mapping[str, Any], data: Sequence[Path]) -> str:
    from omentum.train.run.show import as_toml, shown

    return shown(config, given, data) if start.task is None else as_toml(_loaded(config, start, given, data, True))


def _plan(run: TrainConfig, silent: bool) -> None:
    from omentum.cli.train.plan_text import format_plan
    from omentum.cli.train.progress import TrainProgress
    from omentum.train.training import plan_training

    with TrainProgress(run.steps, silent=silent) as progress:
        progress.note(format_plan(plan_training(run, progress=progress), run))


def _train(run: TrainConfig, out: Path, silent: bool, *, all_folds: bool) -> None:
    from omentum.cli.train.fold_commands import next_commands
    from omentum.cli.train.progress import TrainProgress
    from omentum.train.training import cross_validate, train_model

    with TrainProgress(run.steps, silent=silent) as progress:
        if not all_folds:
            train_model(run, out, progress=progress)
            return
        folds = cross_validate(run, out, progress=progress)
    if not silent:
        typer.echo(next_commands(run, out, list(folds)), err=True)
