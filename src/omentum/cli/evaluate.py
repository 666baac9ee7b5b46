"""`omentum evaluate`: a prediction, or a folder of them, against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omentum.cli.classes import PIPED_WIDTH
from omentum.cli.exit_codes import SOME_FAILED
from omentum.cli.option_table import Json, Quiet, with_options
from omentum.cli.structures_option import StructuresFile, pointing_to_own_structures
from omentum.evaluate.options import EvaluationOptions
from omentum.evaluate.outputs import EvaluationFiles
from omentum.option_fields import Group

if TYPE_CHECKING:
    from omentum.evaluate.evaluation import Evaluation


@with_options
def evaluate(
    pred: Annotated[
        Path,
        typer.Argument(metavar="PRED", help="case folder, segmentation.seg.nrrd, label map, or a folder of these"),
    ],
    ref: Annotated[
        Path,
        typer.Argument(metavar="REF", help="truth folder, .seg.nrrd, label map, a folder of these, or a store"),
    ],
    *,
    options: EvaluationOptions,
    files: EvaluationFiles,
    as_json: Json = False,
    jobs: Annotated[
        int,
        typer.Option(
            *("-j", "--jobs"),
            metavar="N",
            help="processes; each needs the memory of one scan",
            min=1,
            rich_help_panel=Group.HOW,
        ),
    ] = 1,
    own: StructuresFile = None,
    quiet: Quiet = False,
) -> None:
    """Score segmentations against a reference: overlap, surface distances, lesion detection; compare two models.

    Exit code 3: some cases could not be evaluated and count as missed.
    """
    from omentum.atomic import json_text
    from omentum.cli.progress import ProgressReporter
    from omentum.evaluate.study import Study

    with pointing_to_own_structures():
        study = Study.find(pred, ref, options)
    files.check(options.files, study.inputs)
    with ProgressReporter(silent=quiet) as reporter:
        result = study.evaluate(jobs=jobs, pictures=files.html is not None, progress=reporter)
    if as_json:
        typer.echo(json_text(result.to_json()), nl=False)
    elif not quiet:
        _print(result)
    files.write(result)
    if result.has_failures:
        raise typer.Exit(SOME_FAILED)


def _print(result: Evaluation) -> None:
    from rich.console import Console

    from omentum.cli.evaluate_tables import case_table, comparison_table, curves_table, summary_table
    from omentum.evaluate.curves import curves_remarks
    from omentum.evaluate.formatting import about_comparison, remarks

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    scores = result.evaluated.scores
    tables = [case_table(scores[0]) if len(scores) == 1 else summary_table(result.summary)]
    tables += [curves_table(result.summary.curves)] if result.summary.curves else []
    tables += [comparison_table(result.comparison)] if result.comparison else []
    for table in tables:
        # A line broken by a narrow terminal can be read, a number with its end cut off misleads.
        console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
        console.print(table)
    compared = about_comparison(result.comparison) if result.comparison else []
    curves = curves_remarks(result.summary.curves)
    for line in [*remarks(result.evaluated, result.summary), *curves, *compared]:
        console.print(line, markup=False, soft_wrap=True)
