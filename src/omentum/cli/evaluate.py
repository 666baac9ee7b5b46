"""`omentum evaluate`: a prediction, or a folder of them, against the truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omentum.cli.classes import PIPED_WIDTH
from omentum.cli.option_table import Json, JsonFile, Quiet
from omentum.cli.structures_option import StructuresFile, pointing_to_own_structures
from omentum.errors import UsageError
from omentum.option_fields import Group

if TYPE_CHECKING:
    from omentum.evaluate import Rules
    from omentum.evaluate.evaluation import Evaluation
    from omentum.evaluate.pairing import IdOf, PairedCases
    from omentum.evaluate.split_part import SplitPart

SOME_CASES_FAILED = 3

OWN_NUMBERS = "Omentum's own, or as the files name them"
PART = "test"
"""Of a split, if nothing else is asked for."""


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
            show_default=PART,
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
    from omentum.cli.progress import ProgressReporter
    from omentum.evaluate import Rules, load_mapping, load_tolerances
    from omentum.evaluate.cases import CaseEvaluator, evaluate_cases
    from omentum.evaluate.evaluation import Evaluation
    from omentum.evaluate.foreign_labels import same_case, wanted_structures
    from omentum.evaluate.pairing import (
        find_others,
        read_healthy,
        read_patients,
        unknown_healthy,
        unknown_predictions,
    )
    from omentum.evaluate.reference_checks import doubted_numbers, unnamed_references
    from omentum.evaluate.seen_in_training import seen_in_training
    from omentum.evaluate.split_part import SplitPart
    from omentum.evaluate.stored_reference import finder, is_store
    from omentum.evaluate.worst_cases import worst_cases

    if part is not None and split is None:
        raise UsageError("--part without --split", remedy="--split FILE, made by omentum data split")
    with pointing_to_own_structures():
        rules = Rules(distances=distances) if tolerance is None else Rules(load_tolerances(tolerance), distances)
        read = [None if name is None else load_mapping(name) for name in (mapping, pred_mapping)]
        known_healthy = {} if healthy is None else read_healthy(healthy)
        evaluator = CaseEvaluator(read[0], rules, read[1], wanted_structures(structures), known_healthy)
    listed = {} if patients is None else read_patients(patients)
    same = same_case(read[0])
    chosen = None if split is None else SplitPart(split, part or PART, same)
    found = _find(pred, ref, chosen, listed, same)
    pairs = found.pairs
    find = finder(ref, chosen) if is_store(ref) else chosen.prediction_of if chosen else None
    others = None if compare is None else find_others(compare, pairs, same, find)
    files = Files(json_file, csv_file, html_file, points_file)
    lists = [Path(text) for text in (mapping, pred_mapping, tolerance) if text and Path(text).is_file()]
    lists += [path for path in (split, patients, healthy) if path]
    files.check(lists, [path for path in (pred, ref, compare) if path])
    inputs = {
        "predictions": pred,
        "reference": ref,
        "numbers of the reference": mapping or OWN_NUMBERS,
        "numbers of the predictions": pred_mapping or OWN_NUMBERS,
        "compared with": compare,
        "split": split and f"{split}, part {part or PART}",
        "structures": structures,
        "healthy": healthy,
        "patients": patients,
        "tolerance": tolerance,
    }
    with ProgressReporter(silent=quiet) as reporter:
        folders = chosen.folders(pred) if chosen else [pred]
        unknown = [unknown_predictions(folder, found.known, same) for folder in (*folders, compare) if folder]
        unknown += [unknown_healthy(healthy, known_healthy, found.known)] if healthy else []
        unnamed = None if mapping else unnamed_references(pairs)
        doubted = doubted_numbers(pairs, evaluator) if unnamed else None
        for message in filter(None, [*found.remarks, *unknown, unnamed, doubted, seen_in_training(pairs)]):
            reporter.say("warning", message)
        evaluated = evaluate_cases(pairs, evaluator, jobs, reporter)
        other = None if others is None else evaluate_cases(others, evaluator, jobs, reporter)
        pictures = worst_cases(evaluated, pairs, evaluator, reporter) if html_file else []
    result = Evaluation.of(evaluated, other, (str(pred), str(compare)), pictures)
    result = replace(result, inputs={name: str(value) for name, value in inputs.items() if value})
    if as_json:
        typer.echo(json.dumps(_content(result, rules), indent=1, allow_nan=False))
    elif not quiet:
        _print(result)
    files.write(result, rules)
    if evaluated.failed or (other and other.failed):
        raise typer.Exit(SOME_CASES_FAILED)


def _find(pred: Path, ref: Path, split: SplitPart | None, patients: dict[str, str], same: IdOf) -> PairedCases:
    from omentum.evaluate.pairing import PairedCases, find_pairs, single_prediction, unknown_references
    from omentum.evaluate.stored_reference import find_stored, is_store

    if is_store(ref):
        return find_stored(pred, ref, split, patients)
    pairs = find_pairs(pred, ref, patients, same, everywhere=split is not None)
    remarks = () if single_prediction(pred) or not ref.is_dir() else unknown_references(ref)
    found = PairedCases(pairs, frozenset(pair.name for pair in pairs), remarks)
    return found if split is None else split.of(found, pred)


@dataclass(frozen=True)
class Files:
    """What to write, if anything."""

    json: Path | None
    csv: Path | None
    html: Path | None
    points: Path | None = None

    def check(self, named: Sequence[Path], evaluated: Sequence[Path]) -> None:
        """Refuse what cannot be written, or would replace what is read, before hours of work are spent.

        Args:
            named: Files that are read.
            evaluated: Predictions and references: files, or folders of them.
        """
        from omentum.evaluate.pairing import read_in
        from omentum.output_checks import check_distinct, check_output

        read = [read_in(path) for path in evaluated]
        inputs = [*named, *(file for files, _ in read for file in files)]
        within = [folder for _, folders in read for folder in folders]
        wanted = [path for path in (self.json, self.csv, self.html, self.points) if path]
        for path in wanted:
            check_output(path, inputs=inputs, within=within, overwrite=True)
        check_distinct(wanted)

    def write(self, result: Evaluation, rules: Rules) -> None:
        """Write them."""
        from omentum.evaluate import files as evaluate_files

        if self.json:
            evaluate_files.write_json(self.json, _content(result, rules))
        if self.csv:
            evaluate_files.write_csv(self.csv, result.evaluated.scores)
        if self.points:
            evaluate_files.write_operating_points(self.points, result.summary.curves)
        if self.html:
            from omentum.evaluate.page import write_page

            write_page(self.html, result, rules)


def _content(result: Evaluation, rules: Rules) -> dict[str, Any]:
    """All scores in JSON values."""
    from omentum.evaluate import files, summarise

    content = files.content(result.evaluated, result.summary, rules) | {"inputs": dict(result.inputs)}
    if result.other and result.comparison:
        content |= files.compared_content(result.other, summarise(result.other.scores), result.comparison)
    return content


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
