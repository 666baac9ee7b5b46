"""`omentum data prepare`: converts raw datasets to a store, resumable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omentum.cli.exit_codes import SOME_FAILED
from omentum.cli.option_table import Jobs, Quiet
from omentum.cli.structures_option import StructuresFile
from omentum.errors import UsageError
from omentum.formatting import counted

if TYPE_CHECKING:
    from omentum.data.datasets.raw_case import DatasetCases
    from omentum.data.store.prepare import PreparationResult
    from omentum.data.store.prepare_case import StoreOptions


def prepare(
    dataset: Annotated[
        list[str],
        typer.Option(help="NAME=FOLDER, again for each dataset; a name of `omentum data list` or a recipe's .toml"),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="the store: a new folder, or one to bring up to date")],
    run: Annotated[
        str | None, typer.Option("--for", help="grid of this training run: a preset of omentum train, or its TOML file")
    ] = None,
    spacing: Annotated[
        float | None,
        typer.Option(help="voxel edge of the model grid in mm", show_default="1.5", min=0.4, max=10.0),
    ] = None,
    antialias: Annotated[
        bool, typer.Option(help="smooth finer scans first; for models that were trained so (coarse grids)")
    ] = False,
    structures: StructuresFile = None,
    jobs: Jobs = 1,
    quiet: Quiet = False,
) -> None:
    """Resample raw datasets to one grid and one set of structures, cropped and compressed for training.

    It may be interrupted at any time and resumed. Cases are only prepared again if their files, their recipe or the
    options have changed.
    """
    from rich.console import Console

    from omentum.cli.progress import Countdown
    from omentum.data.datasets.find import find_all_cases
    from omentum.data.datasets.named_folder import folders_by_name
    from omentum.data.prepare_data import prepare_data

    console = Console(quiet=quiet, highlight=False, markup=False, soft_wrap=True)
    found = find_all_cases(folders_by_name(dataset))
    for name, one in found.items():
        console.print(f"{name}: {counted(len(one.cases), 'case')}{_left_out(one)}")
    with Countdown("preparing", silent=quiet) as countdown:
        result = prepare_data(found, out, _options(run, spacing, antialias), jobs=jobs, progress=countdown)
    console.print(_summary(result))
    if result.count("failed"):
        raise typer.Exit(SOME_FAILED)


_STATES = {"prepared": "prepared", "kept": "up to date", "failed": "failed"}


def _summary(result: PreparationResult) -> str:
    removed = f", {len(result.removed)} no longer in their dataset removed" if result.removed else ""
    counts = ", ".join(f"{result.count(state)} {what}" for state, what in _STATES.items())  # type: ignore[arg-type]
    return f"{counted(len(result.outcomes), 'case')}: {counts}{removed}: {result.store.resolve()}"


def _options(run: str | None, spacing: float | None, antialias: bool) -> StoreOptions:
    """Grid requested by the options: that of a training run, or an isotropic one."""
    from omentum.data.store.prepare_case import StoreOptions

    if run is None:
        default = StoreOptions(antialias=antialias)
        return default if spacing is None else replace(default, spacing_mm=(spacing, spacing, spacing))
    if spacing is not None or antialias:
        raise UsageError("--for says the grid, and so do --spacing and --antialias", remedy="give one of the two")
    from omentum.train.config.toml_file import load_without_data

    config, _ = load_without_data(run)
    return StoreOptions(spacing_mm=config.spacing_mm, antialias=config.antialias)


def _left_out(found: DatasetCases) -> str:
    counts = ((len(found.skipped), "skipped by the recipe"), (len(found.unpaired), "files without a partner"))
    return "".join(f", {number} {what}" for number, what in counts if number)
