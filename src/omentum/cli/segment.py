"""`omentum segment`: segments CTs and writes a folder of results for each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from omentum.cli.exit_codes import SOME_FAILED
from omentum.cli.garbage import importing
from omentum.cli.option_table import Json, Quiet, with_options
from omentum.cli.structures_option import StructuresFile
from omentum.option_fields import Group
from omentum.pacs.options import DicomWebOptions
from omentum.pipeline.batch.options import BatchOptions, CaseSelection
from omentum.pipeline.options import SaveOptions, SegmentOptions


@dataclass(frozen=True)
class CommandInputs(CaseSelection, DicomWebOptions):
    """Selection of CTs on this machine and on DICOMweb servers."""


@with_options
def segment(
    context: typer.Context,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="CT in HU: NIfTI, NRRD or MetaImage, a folder with one DICOM series, a folder of CTs or of cases, or "
            "dicomweb://host/path/studies/UID",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[
        Path,
        typer.Option(
            *("-o", "--out"),
            metavar="PATH",
            help="folder for PATH/<case>/, or x.nii.gz for the label map alone",
            rich_help_panel=Group.OUTPUT,
        ),
    ],
    cases: CommandInputs,
    options: SegmentOptions,
    batch: BatchOptions,
    save: SaveOptions,
    quiet: Quiet = False,
    as_json: Json = False,
    own: StructuresFile = None,
) -> None:
    """Segment CTs (NIfTI, NRRD, MetaImage or DICOM): label map, measurements, report, manifest.

    A case that fails does not stop the others. A second run completes the first
    one instead of repeating it.

    A case is named after its file, a DICOM series after its folder, which may
    be a patient's name: see --anonymous. Files of the same name are named after
    the nearest folders that differ.
    """
    with importing():
        from omentum.cli.batch_summary import print_summary
        from omentum.cli.progress import ProgressReporter
        from omentum.pacs.pull import pulled
        from omentum.pipeline.batch.api import segment_batch
        from omentum.pipeline.outputs import check_labels_alone

    asked = {name: getattr(save, name) and _is_given(context, name) for name in ("preview", "report")}
    check_labels_alone(out, asked)
    with ProgressReporter(silent=quiet) as progress, pulled(inputs or (), cases, progress) as sources:
        result = segment_batch(
            sources.paths, out, cases=cases, options=options, save=save, batch=batch, progress=progress
        )
    if as_json:
        print(json.dumps(result.to_json(), indent=1))
    elif not quiet:
        print_summary(result.outcomes, result.seconds)
        if batch.submission is not None:
            print(f"label maps of {result.submitted} of {len(result.outcomes)} cases: {batch.submission.resolve()}")
    if result.failed:
        raise typer.Exit(SOME_FAILED)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
