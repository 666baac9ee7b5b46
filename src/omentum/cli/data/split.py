"""`omentum data split`: folds and a test part by patient, made before training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omentum.cli.classes import PIPED_WIDTH
from omentum.cli.option_table import Quiet
from omentum.formatting import counted

if TYPE_CHECKING:
    from omentum.data.splits.split import Split, SplitCase


def split(
    collections: Annotated[
        list[Path], typer.Argument(metavar="STORE...", help="stores of omentum data prepare, or folders of cases")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="the split, a JSON file; an earlier one is replaced")],
    folds: Annotated[int, typer.Option(help="of a cross-validation; 0: train and validation instead", min=0)] = 5,
    test: Annotated[float, typer.Option(help="share of the cases in the part test", min=0.0, max=0.9)] = 0.2,
    validation: Annotated[
        float | None, typer.Option(help="without folds: share of the part validation", show_default="0.1", min=0.0)
    ] = None,
    seed: Annotated[int, typer.Option(help="another seed, another split", min=0)] = 0,
    quiet: Quiet = False,
) -> None:
    """Split cases by patient. Duplicate scans stay together; parts are stratified by dataset and kind of lesion.

    The split is deterministic on every machine. Use the file with omentum train --split, segment --split and evaluate
    --split.
    """
    from omentum.cli.progress import Countdown
    from omentum.data.split_data import SplitOptions, split_data
    from omentum.output_checks import check_report

    options = SplitOptions(folds, test, validation, seed)
    check_report(out, inputs=collections)
    with Countdown("reading", silent=quiet) as countdown:
        result = split_data(collections, options, progress=countdown)
    result.split.write(out)
    if not quiet:
        _print(result.split, result.patients, out)
        for part in result.empty_parts:
            reason = f"{result.patients} patients are too few for a share of {result.shares[part]:g}"
            typer.echo(f"warning: the part {part} is empty: {reason}; ask for more, or for 0", err=True)


def _print(result: Split, groups: int, out: Path) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(_table(result))
    same = len(result.cases) - groups
    together = f", {same} of them kept with another of their patient" if same else ""
    console.print(
        f"{counted(len(result.cases), 'case')} of {counted(groups, 'patient')}{together}: {out.resolve()}", markup=False
    )


def _table(result: Split) -> Any:
    from rich import box
    from rich.table import Table

    datasets = sorted({case.dataset for case in result.cases.values()} - {""})
    kinds = sorted({key for case in result.cases.values() for key in case.lesions})
    table = Table(box=box.SIMPLE_HEAD, caption="lesions: cases with one of those annotated for it")
    table.add_column("part", no_wrap=True)
    for title in ("cases", "patients", *datasets, *(_display(kind) for kind in kinds)):
        table.add_column(title, justify="right")
    for part, names in result.parts.items():
        table.add_row(part, *_counts([result.cases[name] for name in names], datasets, kinds))
    table.add_section()
    table.add_row("all", *_counts(result.cases.values(), datasets, kinds))
    return table


def _counts(cases: Iterable[SplitCase], datasets: Sequence[str], kinds: Sequence[str]) -> list[str]:
    from omentum.data.splits.collection import kept_together

    cases = list(cases)
    by_dataset = [sum(case.dataset == key for case in cases) for key in datasets]
    by_lesion = [[case.lesions[key] for case in cases if key in case.lesions] for key in kinds]
    found = [f"{sum(there)} of {len(there)}" if there else "-" for there in by_lesion]
    return [str(len(cases)), str(len(kept_together(cases))), *map(str, by_dataset), *found]


def _display(key: str) -> str:
    from omentum.anatomy import STRUCTURES

    return STRUCTURES[key].display
