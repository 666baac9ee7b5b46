"""`omentum lesions compare`: what became of a patient's lesions between two scans."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omentum.cli.classes import PIPED_WIDTH
from omentum.cli.option_table import Json, JsonFile, Quiet
from omentum.errors import InputError
from omentum.formatting import counted
from omentum.option_fields import Group
from omentum.result_files import MANIFEST, MEASUREMENTS, SEGMENTATIONS, segmentation_in

if TYPE_CHECKING:
    from omentum.follow_up.result import FollowUp
    from omentum.follow_up.scan_facts import ScanFacts
    from omentum.follow_up.tracked import TrackedLesion
    from omentum.segmentation import Segmentation

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
    from omentum.follow_up.compare import follow_up
    from omentum.output_checks import check_distinct, check_output

    places = _result_at(before), _result_at(after)
    wanted = [path for path in (json_file, csv_file) if path]
    for path in wanted:
        check_output(path, inputs=places, within=[place.parent for place in places], overwrite=True)
    check_distinct(wanted)
    with ProgressReporter(silent=quiet) as speaker:
        then, now = (_read(place) for place in places)
        facts = _facts(places[0]), _facts(places[1])
        speaker.begin("comparing", 1, 1)
        try:
            result = follow_up(then, now, facts, force=force)
        except InputError as fault:
            raise InputError(fault.reason, source=f"{before} and {after}", remedy=fault.remedy) from fault
        if result.is_forced:
            speaker.say("warning", f"{before} and {after}: {'; '.join(result.alignment.mismatches)}; {FORCED}")
    result = replace(result, scans=(str(before), str(after)))
    result.write(json=json_file, csv=csv_file)
    if as_json:
        typer.echo(json_text(result.to_json()), nl=False)
    elif not quiet:
        _print(result)


def _result_at(path: Path) -> Path:
    """The segmentation of a case: itself, in its folder, or in the only case folder of an output.

    Raises:
        InputError: there is none, or more than one.
    """
    from omentum.evaluate.pairing import prediction_at

    if not path.exists():
        raise InputError("no such file or folder", source=path)
    if found := prediction_at(path):
        return found
    inside = [place for folder in sorted(path.iterdir()) if (place := segmentation_in(folder))]
    if len(inside) == 1:
        return inside[0]
    if inside:
        names = ", ".join(place.parent.name for place in inside[:3])
        raise InputError(f"holds {len(inside)} cases ({names} ...)", source=path, remedy="name the one that is meant")
    raise InputError(f"has no {' or '.join(SEGMENTATIONS)}", source=path, remedy="give the output of omentum segment")


def _read(path: Path) -> Segmentation:
    from omentum.anatomy import STRUCTURES
    from omentum.io.labels import ForeignLabelsError
    from omentum.io.seg_nrrd.segments import is_seg_nrrd
    from omentum.io.segmentations import read_segmentation

    try:
        seg = read_segmentation(path)
    except ForeignLabelsError as fault:
        if is_seg_nrrd(path):
            raise
        fault.remedy = "segment it without --numbering, or write it in the numbers of omentum classes"
        raise
    if not any(STRUCTURES[key].is_lesion for key in seg.classes):
        raise InputError("was not asked for any lesion", source=path, remedy="segment it with the lesions as classes")
    return seg


def _facts(path: Path) -> ScanFacts:
    """What lies beside a segmentation; a file alone says nothing more."""
    from omentum.follow_up.scan_facts import ScanFacts

    return ScanFacts.of_result(*(_json_at(path.with_name(name)) for name in (MANIFEST, MEASUREMENTS)))


def _json_at(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise InputError(f"cannot be read: {fault}", source=path, remedy="segment the scan again") from fault
    return content if isinstance(content, dict) else {}


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
    alignment, found = result.alignment, result.alignment.agreement
    apart = f"organs {found.residual_mm:.1f} mm apart (limit {found.limit_mm:.1f} mm)" if found else ""
    if alignment.basis != "organs":
        by = "one frame of reference" if alignment.basis == "frame of reference" else "one grid of voxels"
        return f"not moved, for both have {by}; {apart or 'no organ lies in both fields of view'}"
    how = f"turned by {alignment.motion.degrees:.1f} degrees, {apart}"
    if alignment.is_affine:
        percent = ", ".join(_percent(100 * (stretch - 1)) for stretch in alignment.motion.scale_factors)
        how += f"; the body itself changed by {percent} along three axes (sizes are each scan's own)"
    return f"aligned by {counted(len(alignment.organs), 'organ')}: {how}"
