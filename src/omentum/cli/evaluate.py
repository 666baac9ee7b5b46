"""`omentum evaluate`: a prediction, or a folder of them, against the truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omentum.cli.classes import PIPED_WIDTH
from omentum.errors import InputError, UsageError

if TYPE_CHECKING:
    from omentum.evaluate import CaseScores, LabelMapping, StructureScore, Summary
    from omentum.evaluate.detection import Detection
    from omentum.evaluate.summary import StructureSummary
    from omentum.segmentation import Segmentation

SEGMENTATION = "segmentation.nii.gz"
DESCRIPTION = "case.json"

_Case = tuple[str, Path | None, Path]
"""Name, prediction (None when there is none), reference."""


def evaluate(
    pred: Annotated[Path, typer.Argument(help="segmentation.nii.gz, its folder, or a folder of such folders")],
    ref: Annotated[Path, typer.Argument(help="truth folder (case.json), label map, or a folder of either")],
    mapping: Annotated[
        str | None,
        typer.Option(help='what the numbers of a foreign REF mean: "totalsegmentator", or a file {"1": "spleen", ...}'),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write all scores as JSON")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="write one line a case and structure")] = None,
) -> None:
    """Score a segmentation against a reference: Dice per structure, lesions found, means over organs and lesions."""
    from rich.console import Console

    from omentum.evaluate import load_mapping, summarise

    labels = None if mapping is None else load_mapping(mapping)
    cases = _cases(pred, ref)
    scores = _scored(cases, labels)
    summary = summarise(scores)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(_case_table(scores[0]) if len(scores) == 1 else _summary_table(summary))
    for line in _remarks(cases, scores, summary):
        console.print(line, markup=False, soft_wrap=True)
    _write(scores, summary, json_file, csv_file)


def _cases(pred: Path, ref: Path) -> list[_Case]:
    for path in (pred, ref):
        if not path.exists():
            raise InputError("no such file or folder", source=path)
    single = _prediction_at(pred)
    if single:
        named = single.parent if single.name == SEGMENTATION else single
        return [(_case_name(named.resolve()), single, ref)]
    if ref.is_file() or (ref / DESCRIPTION).exists():
        raise InputError(
            f"has no {SEGMENTATION}, and the reference is a single case",
            source=pred,
            remedy="give the output of omentum segment",
        )
    cases = [_paired(path, pred) for path in sorted(ref.iterdir()) if _is_reference(path)]
    if not any(prediction for _, prediction, _ in cases):
        raise InputError("holds no case of the reference by the same name", source=pred)
    return cases


def _paired(reference: Path, predictions: Path) -> _Case:
    name = _case_name(reference)
    places = (predictions / name, predictions / f"{name}.nii.gz")
    return name, next((found for place in places if (found := _prediction_at(place))), None), reference


def _case_name(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


def _prediction_at(path: Path) -> Path | None:
    """The label map that a file or a case's output folder is, if it is one."""
    inside = path / SEGMENTATION
    return path if path.is_file() else inside if inside.is_file() else None


def _is_reference(path: Path) -> bool:
    return (path / DESCRIPTION).is_file() or path.name.endswith((".nii", ".nii.gz"))


def _scored(cases: Sequence[_Case], mapping: LabelMapping | None) -> list[CaseScores]:
    from omentum.evaluate import missed_case

    scores = {name: _one(name, path, ref, mapping) for name, path, ref in cases if path is not None}
    asked = {s.key: None for case in scores.values() for s in case.structures}
    for name, path, ref in cases:
        if path is None:
            scores[name] = missed_case(_reference(ref, mapping), asked, case=name)
    return [scores[name] for name, _, _ in cases]


def _one(name: str, prediction: Path, reference: Path, mapping: LabelMapping | None) -> CaseScores:
    from omentum.errors import GeometryError
    from omentum.evaluate import aligned, with_unions
    from omentum.evaluate import evaluate as score
    from omentum.io.labels import read_segmentation

    truth, ours = _reference(reference, mapping), read_segmentation(prediction)
    try:
        ours = aligned(ours, truth.grid)
    except GeometryError as fault:
        raise GeometryError(fault.reason, source=prediction, remedy=fault.remedy) from fault
    return score(with_unions(ours, mapping.unions) if mapping else ours, truth, case=name)


def _reference(path: Path, mapping: LabelMapping | None) -> Segmentation:
    from omentum.io.labels import read_labels, read_segmentation
    from omentum.io.truth import read_case

    if path.is_dir():
        if mapping:
            raise UsageError("is a truth folder and needs no --mapping", source=path)
        return read_case(path)[1]
    return read_labels(path, mapping.labels) if mapping else read_segmentation(path)


def _case_table(scores: CaseScores) -> Any:
    table = _empty_table(scores.case, "Dice", "ml", "reference ml", "lesions")
    table.add_column("status")
    for score in scores.structures:
        if score.status != "not_annotated":
            table.add_row(*_case_row(score))
    return table


def _case_row(score: StructureScore) -> list[str]:
    volumes = [_number(score.predicted_ml, 1), _number(score.reference_ml, 1)]
    return [
        _display(score.key),
        _number(score.dice, 3),
        *volumes,
        _lesions(score.lesions),
        score.status.replace("_", " "),
    ]


def _summary_table(summary: Summary) -> Any:
    columns = ("cases", "Dice mean", "median", "5th pct", "missed", "false", "lesions")
    table = _empty_table(f"{summary.cases} cases", *columns)
    for row in summary.structures:
        if row.annotated_cases:
            table.add_row(*_summary_row(row))
    return table


def _summary_row(row: StructureSummary) -> list[str]:
    dice, patients = row.dice, row.patients
    figures = [_number(value, 3) for value in (dice.mean, dice.median, dice.percentile_5)]
    wrong = [str(patients.false_negatives), str(patients.false_positives)]
    return [_display(row.key), str(row.annotated_cases), *figures, *wrong, _lesions(row.lesions)]


def _empty_table(title: str, *columns: str) -> Any:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=escape(title), title_justify="left")
    table.add_column("structure", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _remarks(cases: Sequence[_Case], scores: Sequence[CaseScores], summary: Summary) -> list[str]:
    means = (("organs and vessels", summary.organ_dice), ("tumours and cysts", summary.lesion_dice))
    lines = [f"mean Dice over {s.n} {what}: {s.mean:.3f}" for what, s in means if s.mean is not None]
    not_annotated = [row.key for row in summary.structures if not row.annotated_cases]
    not_predicted = sorted({key for case in scores for key in case.not_predicted})
    without = [name for name, prediction, _ in cases if prediction is None]
    told = (
        ("not annotated, not judged", not_annotated),
        ("annotated, but not asked of the prediction", not_predicted),
        ("no prediction, counted as missed", without),
    )
    return lines + [f"{what}: {', '.join(names)}" for what, names in told if names]


def _write(scores: Sequence[CaseScores], summary: Summary, json_file: Path | None, csv_file: Path | None) -> None:
    from omentum.io.outputs import replacing
    from omentum.report.table import csv_text

    if json_file:
        content = {"cases": [case.to_json() for case in scores], "summary": summary.to_json()}
        with replacing(json_file) as file:
            file.write(json.dumps(content, indent=1, allow_nan=False).encode())
    if csv_file:
        rows = [_csv_row(case.case, score) for case in scores for score in case.structures]
        with replacing(csv_file) as file:
            file.write(csv_text(rows).encode())


def _csv_row(case: str, score: StructureScore) -> dict[str, Any]:
    columns = {"case": case, "structure": score.key, **score.to_json()}
    del columns["key"], columns["lesions"]
    found = score.lesions
    return columns | {
        "lesions_found": found and found.true_positives,
        "lesions_missed": found and found.false_negatives,
        "lesions_false": found and found.false_positives,
    }


def _display(key: str) -> str:
    from omentum.anatomy import STRUCTURES

    return STRUCTURES[key].display


def _lesions(found: Detection | None) -> str:
    return f"{found.true_positives} of {found.reference_lesions}, {found.false_positives} false" if found else ""


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
