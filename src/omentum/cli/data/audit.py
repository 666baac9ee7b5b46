"""`omentum data audit`: labels that a model doubts, surest first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omentum.annotate.audit.options import AuditOptions
from omentum.cli.exit_codes import SOME_FAILED
from omentum.cli.garbage import importing
from omentum.cli.option_table import Json, Quiet, with_options
from omentum.cli.structures_option import StructuresFile
from omentum.option_fields import Group

if TYPE_CHECKING:
    from omentum.annotate.audit.results import AuditResult

SHOWN = 20
"""Findings that are printed."""


@with_options
def audit(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="SOURCE", help="a store or a folder of labelled cases", show_default=False),
    ] = None,
    *,
    out: Annotated[
        Path,
        typer.Option(
            *("-o", "--out"), metavar="DIR", help="folder for predictions and findings", rich_help_panel=Group.OUTPUT
        ),
    ],
    options: AuditOptions,
    quiet: Quiet = False,
    as_json: Json = False,
    own: StructuresFile = None,
) -> None:
    """Find faults of labels with a model's help: empty tumours, swapped sides, missing or shifted organs, wrong phases.

    Findings are ordered by how sure they are, each with a reason and a slice, in
    DIR/audit.csv and audit.json. omentum data check finds what needs no model.
    A second run completes the first one. Exit code 3: some cases could not be audited.
    """
    with importing():
        from omentum.annotate.audit.api import audit_labels
        from omentum.atomic import json_text
        from omentum.cli.progress import ProgressReporter

    with ProgressReporter(silent=quiet) as progress:
        result = audit_labels(source, out, options, progress=progress)
    if as_json:
        typer.echo(json_text(result.to_json()), nl=False)
    elif not quiet:
        _print(result, out)
    if result.failed:
        raise typer.Exit(SOME_FAILED)


def _print(result: AuditResult, out: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    from omentum.annotate.audit.results import slice_of
    from omentum.cli.classes import PIPED_WIDTH
    from omentum.formatting import counted

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    table = Table(Column("sure", justify="right"), "case", "structure", "fault", "slice", "reason", box=box.SIMPLE)
    for fault in result.faults[:SHOWN]:
        cells = (fault.structure or "", fault.kind.value, slice_of(fault), fault.reason)
        table.add_row(f"{fault.sure:.2f}", fault.case, *cells)
    console.print(table)
    more = len(result.faults) - SHOWN
    told = f", {more} more" if more > 0 else ""
    print(
        f"{counted(len(result.faults), 'finding')} in {counted(len(result.cases), 'case')}{told}: {out / 'audit.csv'}"
    )
