"""`omentum segment`: segments CTs and writes a folder of results for each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omentum.cli.exit_codes import SOME_FAILED
from omentum.cli.garbage import importing
from omentum.cli.option_table import Json, Quiet, with_options
from omentum.cli.pacs.addresses import refuse_as_output
from omentum.cli.structures_option import StructuresFile
from omentum.errors import OutputError, UsageError
from omentum.formatting import counted
from omentum.option_fields import Group
from omentum.pacs.options import DicomWebOptions
from omentum.pipeline.batch.options import BatchOptions, CaseSelection
from omentum.pipeline.options import SaveOptions, SegmentOptions
from omentum.remote.options import RemoteOptions

if TYPE_CHECKING:
    from omentum.pacs.pull import PulledInputs
    from omentum.pipeline.batch.jobs import CaseOutcome
    from omentum.pipeline.batch.run import Compute
    from omentum.progress import ProgressListener


@dataclass(frozen=True)
class CommandInputs(CaseSelection, DicomWebOptions, RemoteOptions):
    """Selection of CTs on this machine and on DICOMweb servers, and the service that segments them."""


@contextmanager
def _service(
    cases: CommandInputs,
    options: SegmentOptions,
    save: SaveOptions,
    batch: BatchOptions,
    progress: ProgressListener,
) -> Iterator[tuple[Compute | None, CommandInputs]]:
    """What computes the cases (None for this machine), and the inputs without the token if it is the service's."""
    if cases.server is None:
        if cases.keep_on_server:
            raise UsageError("--keep-on-server without --server", remedy="name a service with --server URL")
        yield None, cases
        return
    from omentum.client.client import Client
    from omentum.remote.batch import RemoteBatch

    with Client(cases.server, token_file=cases.token_file) as client:
        remote = RemoteBatch(client, options, save, batch, keep=cases.keep_on_server, progress=progress)
        yield remote.run, replace(cases, token_file=None)


@with_options
def segment(
    context: typer.Context,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="CT in HU: NIfTI, NRRD, MetaImage, a DICOM series (a folder, a zip file or a multi-frame file), a "
            "folder of CTs or of cases, or dicomweb://host/path/studies/UID",
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
        from omentum.pacs.results import with_dicom
        from omentum.pipeline.batch.api import segment_batch
        from omentum.pipeline.outputs import check_labels_alone

    refuse_as_output(out)
    asked = {name: getattr(save, name) and _is_given(context, name) for name in ("preview", "report")}
    check_labels_alone(out, asked)
    save = with_dicom(save) if cases.stow else save
    with (
        ProgressReporter(silent=quiet) as progress,
        _service(cases, options, save, batch, progress) as (compute, local),
        pulled(inputs or (), local, progress, options.series) as sources,
    ):
        result = segment_batch(
            sources.paths,
            out,
            cases=cases,
            options=options,
            save=save,
            batch=batch,
            progress=progress,
            unavailable=sources.faults,
            compute=compute,
        )
        refused = _stowed(sources, result.outcomes, progress) if cases.stow else 0
    if as_json:
        print(json.dumps(result.to_json(), indent=1))
    elif not quiet:
        print_summary(result.outcomes, result.seconds)
        if batch.submission is not None:
            print(f"label maps of {result.submitted} of {len(result.outcomes)} cases: {batch.submission.resolve()}")
    if result.failed or refused:
        raise typer.Exit(SOME_FAILED)


def _stowed(sources: PulledInputs, outcomes: Sequence[CaseOutcome], progress: ProgressListener) -> int:
    """Store the results on the servers; the number of cases for which one refuses. That of a single case is raised."""
    refused = 0
    for outcome in outcomes:
        if outcome.fault is not None:
            continue
        progress.step(f"{outcome.job.case}: storing the results")
        try:
            count = sources.stow(outcome.job.source, outcome.job.target)
        except OutputError as fault:
            if len(outcomes) == 1:
                raise
            progress.say("error", f"{outcome.job.case}: {fault}")
            refused += 1
        else:
            progress.note(f"{outcome.job.case}: {counted(count, 'object')} stored on the server")
    return refused


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
