"""`omentum extend`: teaches a model further structures and shows what it kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omentum.cli.garbage import importing
from omentum.cli.option_table import JsonFile, Overwrite, Quiet, with_options
from omentum.cli.structures_option import StructuresFile
from omentum.option_fields import Group
from omentum.train.extend.options import ExtendOptions

if TYPE_CHECKING:
    from omentum.train.extend.comparison import Extension


@with_options
def extend(
    options: ExtendOptions,
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", metavar="FILE", help="weights to write (.safetensors)", rich_help_panel=Group.OUTPUT
        ),
    ],
    weights: Annotated[
        str, typer.Option("--from", metavar="WEIGHTS", help="weights to extend: a name or file")
    ] = "default",
    structures: StructuresFile = None,
    json_file: JsonFile = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Teach a model further structures, by words and cases that annotate them.

    Prints the Dice of every structure before and after. Nothing is written if a known structure lost more than
    --max-forgetting. An interrupted extension goes on with the same command; its run is kept in FILE.run/.
    """
    with importing():
        from omentum.atomic import write_json
        from omentum.cli.case_warnings import print_case_warnings
        from omentum.cli.extend_table import format_extension
        from omentum.cli.train.progress import TrainProgress
        from omentum.output_checks import check_report
        from omentum.train.extend.extend import ForgettingError, extend_model

    if json_file is not None:
        check_report(
            json_file, inputs=[out, weights, *(p for p in (options.data, options.check, options.rehearse) if p)]
        )

    def show(extension: Extension) -> None:
        if json_file is not None:
            write_json(json_file, extension.to_json())
        if not quiet:
            print(format_extension(extension))

    try:
        with print_case_warnings(), TrainProgress(0, silent=quiet) as progress:
            extension = extend_model(weights, out, options, overwrite=overwrite, progress=progress)
    except ForgettingError as fault:
        show(fault.extension)
        raise
    show(extension)
