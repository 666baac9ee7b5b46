"""`omentum annotate accept`: corrections taken back into a store or into case folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omentum.annotate.accept.options import AcceptOptions
from omentum.cli.exit_codes import SOME_FAILED
from omentum.cli.option_table import Json, Quiet, with_options
from omentum.cli.structures_option import StructuresFile

if TYPE_CHECKING:
    from omentum.annotate.accept.results import AcceptResult


@with_options
def accept(
    folder: Annotated[Path, typer.Argument(metavar="ROUND", help="folder of omentum annotate propose")],
    corrections: Annotated[
        list[Path],
        typer.Argument(
            metavar="CORRECTED...",
            help=".seg.nrrd, DICOM SEG, label maps or masks, named after their case, or folders of them",
        ),
    ],
    *,
    by: Annotated[str, typer.Option(metavar="NAME", help="who made the corrections")],
    options: AcceptOptions,
    quiet: Quiet = False,
    as_json: Json = False,
    own: StructuresFile = None,
) -> None:
    """Take corrected masks back into the labels, with who, when and how much was changed.

    For a round of a store, its labels are updated; for a folder of CTs, ROUND/accepted/
    gets a case folder for omentum train. Truth ranks above corrections, corrections
    above pseudo-labels. Exit code 3: something was refused.
    """
    from omentum.annotate.accept.api import accept_corrections
    from omentum.annotate.accept.judge import AcceptStatus
    from omentum.atomic import json_text
    from omentum.cli.progress import ProgressReporter

    with ProgressReporter(silent=quiet) as progress:
        result = accept_corrections(folder, corrections, by, options, progress=progress)
    if as_json:
        typer.echo(json_text(result.to_json()), nl=False)
    elif not quiet:
        _print(result)
    if result.count(AcceptStatus.REFUSED):
        raise typer.Exit(SOME_FAILED)


def _print(result: AcceptResult) -> None:
    from omentum.annotate.accept.judge import AcceptStatus

    for one in result.outcomes:
        if one.structure is None:
            continue  # a refused file has been reported as an error
        if one.status is AcceptStatus.ACCEPTED:
            told = f"{one.voxels} voxels, {one.changed_voxels} changed"
        else:
            told = f"{one.status.value}: {one.reason}"
        if one.status is not AcceptStatus.UNCHANGED:
            print(f"{one.case} {one.structure}: {told}")
    counts = ", ".join(f"{n} {status.value}" for status in AcceptStatus if (n := result.count(status)))
    print(f"{counts or 'nothing found'}; labels: {result.labels}")
    if result.count(AcceptStatus.UNCHANGED):
        print("structures that equal their proposal are accepted with --unchanged")
