"""`omentum annotate propose`: predictions with an ordered worklist, for correction in a viewer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omentum.annotate.propose.options import ProposeOptions
from omentum.cli.exit_codes import SOME_FAILED
from omentum.cli.garbage import importing
from omentum.cli.option_table import Json, Quiet, with_options
from omentum.cli.structures_option import StructuresFile
from omentum.option_fields import Group

if TYPE_CHECKING:
    from omentum.annotate.propose.api import ProposeResult

SHOWN = 10
"""Items of the worklist that are printed."""


@with_options
def propose(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="folder of CTs or of cases, or a store", show_default=False)
    ],
    *,
    out: Annotated[
        Path,
        typer.Option(*("-o", "--out"), metavar="ROUND", help="folder of the round", rich_help_panel=Group.OUTPUT),
    ],
    options: ProposeOptions,
    quiet: Quiet = False,
    as_json: Json = False,
    own: StructuresFile = None,
) -> None:
    """Predict CTs and write proposals, attention maps and a worklist: what to correct first.

    A second run completes the first one. Correct ROUND/cases/<case>/<case>.seg.nrrd in 3D Slicer,
    or labels.nii.gz in ITK-SNAP under another name, then run omentum annotate accept.
    """
    with importing():
        from omentum.annotate.propose.api import propose_annotations
        from omentum.atomic import json_text
        from omentum.cli.progress import ProgressReporter

    with ProgressReporter(silent=quiet) as progress:
        result = propose_annotations(source, out, options, progress=progress)
    if as_json:
        typer.echo(json_text(result.to_json()), nl=False)
    elif not quiet:
        _print(result)
    if result.failed:
        raise typer.Exit(SOME_FAILED)


def _print(result: ProposeResult) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    from omentum.annotate.propose.proposals import slice_words, total_effort_s
    from omentum.cli.classes import PIPED_WIDTH

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    right = [Column(name, justify="right") for name in ("expected Dice", "seconds")]
    table = Table("case", "structure", "do", *right, "slices first", box=box.SIMPLE)
    for item in result.worklist.items[:SHOWN]:
        s = item.structure
        cells = (f"{s.expected_dice:.2f}", f"{s.effort_s:.0f}", slice_words(s))
        table.add_row(item.case, s.key, s.suggestion.value, *cells)
    console.print(table)
    items = result.worklist.items
    more = len(items) - SHOWN
    told = f"{more} more, " if more > 0 else ""
    print(f"{told}about {total_effort_s(items) / 3600:.1f} h in all: {result.folder / 'worklist.html'}")
