"""`omentum evaluate`: a prediction, or a folder of them, against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omentum.cli.classes import PIPED_WIDTH
from omentum.cli.option_table import Json, JsonFile, Quiet
from omentum.cli.structures_option import StructuresFile, pointing_to_own_structures
from omentum.option_fields import Group

if TYPE_CHECKING:
    from omentum.evaluate.evaluation import Evaluation

SOME_CASES_FAILED = 3


def evaluate(
    pred: Annotated[Path, typer.Argument(help="a case folder, segmentation.seg.nrrd or .nii.gz, or a folder of such")],
    ref: Annotated[Path, typer.Argument(help="truth folder, .seg.nrrd, label map, a folder of these, or a store")],
    *,
    mapping: Annotated[
        str | None,
        typer.Option(
            help="what the numbers of a foreign REF mean: totalsegmentator, a dataset (btcv), or a file",
            rich_help_panel=Group.INPUT,
        ),
    ] = None,
    pred_mapping: Annotated[
        str | None,
        typer.Option(
            help='the same of a foreign PRED (and of --compare); a file is {"1": "spleen", ...}',
            rich_help_panel=Group.INPUT,
        ),
    ] = None,
    structures: Annotated[
        str | None,
        typer.Option(
            "--classes",
            metavar="NAMES",
            help="evaluate only these, e.g. liver,kidneys; see omentum classes",
            rich_help_panel=Group.FIND,
        ),
    ] = None,
    healthy: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the columns case,structure: lesions a patient is known not to have",
            rich_help_panel=Group.INPUT,
        ),
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="a second model's predictions for the same REF", rich_help_panel=Group.INPUT)
    ] = None,
    tolerance: Annotated[
        str | None,
        typer.Option(
            help="of the NSD: mm for all structures, or a TOML file such as liver = 3.0", rich_help_panel=Group.HOW
        ),
    ] = None,
    distances: Annotated[
        bool,
        typer.Option(
            "--distances/--no-distances", help="measure NSD, HD95 and ASSD, not only voxels", rich_help_panel=Group.HOW
        ),
    ] = True,
    patients: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the columns case,patient, where a patient has several scans", rich_help_panel=Group.INPUT
        ),
    ] = None,
    split: Annotated[
        Path | None, typer.Option(help="only a part of the reference: omentum data split", rich_help_panel=Group.INPUT)
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            help='of the split, e.g. fold-0; "folds": all folds together',
            show_default="test",
            rich_help_panel=Group.INPUT,
        ),
    ] = None,
    json_file: JsonFile = None,
    as_json: Json = False,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="write one line a case and structure", rich_help_panel=Group.OUTPUT)
    ] = None,
    points_file: Annotated[
        Path | None,
        typer.Option(
            "--operating-points",
            help="write the thresholds for rates of false lesions as CSV",
            rich_help_panel=Group.OUTPUT,
        ),
    ] = None,
    html_file: Annotated[
        Path | None,
        typer.Option(
            "--html", help="write a page with box plots, worst cases and pictures of them", rich_help_panel=Group.OUTPUT
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            "-j", "--jobs", help="cases at once; each takes the memory of its scan", min=1, rich_help_panel=Group.HOW
        ),
    ] = 1,
    own: StructuresFile = None,
    quiet: Quiet = False,
) -> None:
    """Score segmentations: overlap and surfaces per structure, lesions found and missed, two models compared."""
    from omentum.atomic import json_text
    from omentum.cli.progress import ProgressReporter
    from omentum.evaluate.outputs import EvaluationFiles
    from omentum.evaluate.study import EvaluationOptions, Study

    with pointing_to_own_structures():
        options = EvaluationOptions(
            mapping=mapping,
            pred_mapping=pred_mapping,
            structures=structures,
            healthy=healthy,
            compare=compare,
            tolerance=tolerance,
            distances=distances,
            patients=patients,
            split=split,
            part=part,
        )
        study = Study.find(pred, ref, options)
    files = EvaluationFiles(json_file, csv_file, html_file, points_file)
    files.check(options.files, study.inputs)
    with ProgressReporter(silent=quiet) as reporter:
        result = study.evaluate(jobs=jobs, pictures=html_file is not None, progress=reporter)
    if as_json:
        typer.echo(json_text(result.to_json()), nl=False)
    elif not quiet:
        _print(result)
    files.write(result)
    if result.has_failures:
        raise typer.Exit(SOME_CASES_FAILED)


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
