"""`omentum lesions compare`: lesion follow-up of a patient between two scans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omentum.cli.classes import PIPED_WIDTH
from omentum.cli.option_table import Json, JsonFile, Quiet
from omentum.formatting import counted
from omentum.option_fields import Group

if TYPE_CHECKING:
    from omentum.follow_up.result import FollowUp
    from omentum.follow_up.tracked import TrackedLesion

FORCED = "forced: lesions may be mixed up, and nothing here be true of any patient"

app = typer.Typer(
    help="Lesions of one patient in two scans: grown, new, gone, and RECIST (compare).", no_args_is_help=True
)


@app.callback()
def _lesions() -> None:
    """Lesions of one patient in two scans: grown, new, gone, and RECIST (compare)."""


@app.command(epilog="Example: omentum lesions compare before/ after/ --csv changes.csv")
def compare(
    before: Annotated[Path, typer.Argument(help="the earlier scan: its folder, segmentation.seg.nrrd or .nii.gz")],
    after: Annotated[Path, typer.Argument(help="the later scan of the same patient")],
    *,
    classes: Annotated[
        str | None,
        typer.Option("--classes", metavar="NAMES", help="only these lesions: liver tumour", rich_help_panel=Group.FIND),
    ] = None,
    json_file: JsonFile = None,
    as_json: Json = False,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="write one line a lesion", rich_help_panel=Group.OUTPUT)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="go on although the two bodies do not match")] = False,
    quiet: Quiet = False,
) -> None:
    """Match the lesions of two scans and measure their growth: volume, longest diameter, RECIST; new and gone ones.

    The scans may lie differently and show different parts of the body: they are aligned by the organs in both, and
    refused where those do not match. Sizes are measured on each scan as it is. What a scan does not show, or was not
    asked for, is neither new nor gone; what a model overlooked can be "gone" here: look at the images.
    """
    from omentum.atomic import json_text
    from omentum.cli.progress import ProgressReporter
    from omentum.follow_up.scans import compare_scans, segmentation_of
    from omentum.output_checks import check_distinct, check_report

    places = segmentation_of(before), segmentation_of(after)
    wanted = [path for path in (json_file, csv_file) if path]
    for path in wanted:
        check_report(path, inputs=places, within=[place.parent for place in places])
    check_distinct(wanted)
    with ProgressReporter(silent=quiet) as reporter:
        result = compare_scans(before, after, classes=classes, force=force, progress=reporter)
        if result.is_forced:
            reporter.say("warning", f"{before} and {after}: {'; '.join(result.alignment.mismatches)}; {FORCED}")
    result.write(json=json_file, csv=csv_file)
    if as_json:
        typer.echo(json_text(result.to_json()), nl=False)
    elif not quiet:
        _print(result)


def _print(result: FollowUp) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    table = _table(result.lesions)
    # A line broken by a narrow terminal can be read, a number with its end cut off misleads.
    console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
    console.print(table)
    for line in _remarks(result):
        console.print(line, markup=False, soft_wrap=True)


def _table(lesions: tuple[TrackedLesion, ...]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for name in ("lesion", "in", "what"):
        table.add_column(name, no_wrap=True)
    for name in ("ml then", "now", "change", "mm then", "now", "change", "target"):
        table.add_column(name, justify="right", no_wrap=True)
    for tracked in lesions:
        table.add_row(*_cells(tracked))
    return table


def _cells(tracked: TrackedLesion) -> list[str]:
    from omentum.evaluate.formatting import display, number
    from omentum.follow_up.tracked import row_of

    row = row_of(tracked)
    names = [tracked.any.display, display(row["host"]) if row["host"] else "-", tracked.status]
    volumes = [
        number(row["volume_before_ml"], 1),
        number(row["volume_after_ml"], 1),
        _percent(row["volume_change_percent"]),
    ]
    lengths = [
        number(row["longest_before_mm"], 1),
        number(row["longest_after_mm"], 1),
        _percent(row["longest_change_percent"]),
    ]
    return [*names, *volumes, *lengths, "yes" if tracked.targets else ""]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{round(value):+d} %"


def _remarks(result: FollowUp) -> list[str]:
    response = result.response
    lines = [FORCED] if result.is_forced else []
    lines += [f"{one.any.display} {one.status}: {remark}" for one in result.lesions for remark in one.remarks]
    lines += [f"RECIST 1.1, of the segmentations: {response.category}: {response.reason}"]
    if response.targets:
        then, now = response.sums_mm
        change = "" if response.change is None else f" ({_percent(100 * response.change)})"
        told = "not known now" if now is None else f"{now:.1f} mm now{change}"
        lines += [f"sum of {response.targets} target diameters: {then:.1f} mm then, {told}"]
    return [*lines, _how(result)]


def _how(result: FollowUp) -> str:
    """The alignment in words."""
    from omentum.follow_up.alignment import AlignmentBasis

    alignment, found = result.alignment, result.alignment.agreement
    apart = f"organs {found.residual_mm:.1f} mm apart (limit {found.limit_mm:.1f} mm)" if found else ""
    if alignment.basis is not AlignmentBasis.ORGANS:
        is_frame = alignment.basis is AlignmentBasis.FRAME_OF_REFERENCE
        by = "one frame of reference" if is_frame else "one grid of voxels"
        return f"not moved, for both have {by}; {apart or 'no organ lies in both fields of view'}"
    how = f"turned by {alignment.motion.degrees:.1f} degrees, {apart}"
    if alignment.is_affine:
        percent = ", ".join(_percent(100 * (stretch - 1)) for stretch in alignment.motion.scale_factors)
        how += f"; the body itself changed by {percent} along three axes (sizes are each scan's own)"
    return f"aligned by {counted(len(alignment.organs), 'organ')}: {how}"
