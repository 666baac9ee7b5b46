"""`omentum data prepare` and `omentum data stats`: raw datasets into a store, and what is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omentum.cli.classes import PIPED_WIDTH
from omentum.cli.option_table import Jobs, Json, JsonFile, Quiet
from omentum.cli.structures_option import StructuresFile
from omentum.data.datasets.named_folder import name_and_root
from omentum.errors import UsageError
from omentum.formatting import counted

if TYPE_CHECKING:
    from rich.console import Console

    from omentum.data.datasets.raw_case import DatasetCases, RawCase
    from omentum.data.store.statistics import DatasetStatistics, Spread, StoreStatistics

SOME_CASES_FAILED = 3
SPACING_MM = 1.5
"""Of the model grid, unless asked for otherwise: that of the published model."""


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
    """Bring raw datasets to one grid and one set of structures, cropped and compressed for training.

    May be interrupted at any time and run again: it goes on where it was. Cases are made anew only when their files,
    what the recipe says of them, or the options changed.
    """
    from rich.console import Console

    from omentum.cli.progress import Countdown
    from omentum.data.store.case_task import PreparationOutcome
    from omentum.data.store.prepare import prepare as bring_up_to_date
    from omentum.data.store.prepare_case import StoreOptions

    console = Console(quiet=quiet, highlight=False, markup=False, soft_wrap=True)
    cases = [case for named in dataset for case in _cases(named, console)]
    spacing_mm, smoothed = _grid(run, spacing, antialias)
    options = StoreOptions(spacing_mm=spacing_mm, antialias=smoothed)
    with Countdown("preparing", silent=quiet) as countdown:

        def tell(outcome: PreparationOutcome, done: int, of: int) -> None:
            if outcome.error:
                countdown.error(outcome.error)
            if outcome.warning and not quiet:
                countdown.warning(outcome.warning)
            countdown.count(done, of, worked=outcome.state != "kept")

        report = bring_up_to_date(cases, out, options, jobs=jobs, tell=tell)
    removed = f", {len(report.removed)} no longer in their dataset removed" if report.removed else ""
    counts = ", ".join(f"{report.count(state)} {what}" for state, what in _STATES.items())  # type: ignore[arg-type]
    console.print(f"{counted(len(report.outcomes), 'case')}: {counts}{removed}: {out.resolve()}")
    if report.count("failed"):
        raise typer.Exit(SOME_CASES_FAILED)


def stats(
    store: Annotated[Path, typer.Argument(help="as made by omentum data prepare")],
    json_file: JsonFile = None,
    as_json: Json = False,
    picture: Annotated[Path | None, typer.Option(help="draw what is annotated where as PNG")] = None,
) -> None:
    """What a store holds: cases, what is annotated where, volumes and HU by structure."""
    from rich.console import Console

    from omentum.atomic import replacing, write_json
    from omentum.data.store.statistics import statistics
    from omentum.data.store.store import Store
    from omentum.output_checks import check_output

    for path in filter(None, (picture, json_file)):
        check_output(path, inputs=[store], overwrite=True)
    counted = statistics(Store.open(store))
    if picture:
        with replacing(picture) as file:
            file.write(_matrix(counted))
    if json_file:
        write_json(json_file, counted.to_json())
    if as_json:
        typer.echo(json.dumps(counted.to_json(), indent=1, allow_nan=False))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(_dataset_table(counted.datasets))
    console.print(_structure_table(counted.together))


def _grid(run: str | None, spacing: float | None, antialias: bool) -> tuple[tuple[float, float, float], bool]:
    """Spacing, and whether finer scans are smoothed first."""
    if run is None:
        edge = SPACING_MM if spacing is None else spacing
        return (edge, edge, edge), antialias
    if spacing is not None or antialias:
        raise UsageError("--for says the grid, and so do --spacing and --antialias", remedy="give one of the two")
    from omentum.train.config.toml_file import load_without_data

    config, _ = load_without_data(run)
    return config.spacing_mm, config.antialias


_STATES = {"prepared": "prepared", "kept": "up to date", "failed": "failed"}


def _cases(named: str, console: Console) -> Sequence[RawCase]:
    from omentum.data.datasets.find import find_dataset
    from omentum.data.datasets.raw_case import find_cases

    name, root = name_and_root(named)
    found = find_cases(find_dataset(name), root)
    console.print(f"{name}: {counted(len(found.cases), 'case')}{_left_out(found)}")
    return found.cases


def _left_out(found: DatasetCases) -> str:
    counts = ((len(found.skipped), "skipped by the recipe"), (len(found.unpaired), "files without a partner"))
    return "".join(f", {number} {what}" for number, what in counts if number)


def _dataset_table(datasets: Mapping[str, DatasetStatistics]) -> Any:
    table = _table("dataset", "cases", "patients", "failed", "annotated structures")
    for key, of in datasets.items():
        annotated = sum(structure.annotated > 0 for structure in of.structures.values())
        table.add_row(key, str(of.cases), str(of.patients), str(of.failed), str(annotated))
    return table


def _structure_table(together: DatasetStatistics) -> Any:
    table = _table("structure", "annotated", "present", "ml median", "5th", "95th pct", "HU mean", "SD of cases")
    for key, of in together.structures.items():
        if of.annotated:
            figures = (*_spread(of.volume_ml, 1)[:3], *_spread(of.hu, 0)[3:])
            table.add_row(_display(key), str(of.annotated), str(of.present), *figures)
    return table


def _spread(spread: Spread | None, digits: int) -> list[str]:
    """Median, low, high, mean, SD as text."""
    if spread is None:
        return ["-"] * 5
    return [f"{v:.{digits}f}" for v in (spread.median, spread.low, spread.high, spread.mean, spread.sd)]


def _table(first: str, *columns: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(first, no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _matrix(counted: StoreStatistics) -> bytes:
    import numpy as np

    from omentum.report.annotation_matrix import annotation_matrix_png

    keys = [key for key, of in counted.together.structures.items() if of.annotated]
    columns = [[of.structures[key].annotated for key in keys] for of in counted.datasets.values()]
    annotated = np.array(columns, np.int64).reshape(len(columns), len(keys)).T
    cases = [of.cases for of in counted.datasets.values()]
    return annotation_matrix_png([_display(key) for key in keys], list(counted.datasets), annotated, cases)


def _display(key: str) -> str:
    from omentum.anatomy import STRUCTURES

    return STRUCTURES[key].display
