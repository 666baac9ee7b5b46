"""`omentum data stats`: content of a store as tables, JSON and a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omentum.cli.classes import PIPED_WIDTH
from omentum.cli.option_table import Json, JsonFile

if TYPE_CHECKING:
    from omentum.data.store.statistics import DatasetStatistics, Spread, StoreStatistics


def stats(
    store: Annotated[Path, typer.Argument(help="as made by omentum data prepare")],
    json_file: JsonFile = None,
    as_json: Json = False,
    picture: Annotated[Path | None, typer.Option(help="draw what is annotated where as PNG")] = None,
) -> None:
    """Show the content of a store: cases, annotations per dataset, volumes and HU per structure."""
    from rich.console import Console

    from omentum.atomic import json_text, replacing, write_json
    from omentum.data.store.statistics import statistics
    from omentum.data.store.store import Store
    from omentum.output_checks import check_report

    for path in filter(None, (picture, json_file)):
        check_report(path, inputs=[store])
    counted = statistics(Store.open(store))
    if picture:
        with replacing(picture) as file:
            file.write(_matrix(counted))
    if json_file:
        write_json(json_file, counted.to_json())
    if as_json:
        typer.echo(json_text(counted.to_json()), nl=False)
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(_dataset_table(counted.datasets))
    console.print(_structure_table(counted.together))


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
    """Median, low, high, mean and SD as text."""
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
