"""`omentum segment`: CTs in, a folder of results for each out."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

SOME_CASES_FAILED = 3
INPUT, FIND, HOW, OUTPUT = "Input", "What to find", "How", "Output"
"""Panels of the help."""


def segment(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="INPUT...",
            help="CT in HU: NIfTI (.nii.gz, .nii), a folder with one DICOM series, or a folder of CTs or of cases",
            show_default=False,
        ),
    ] = None,
    *,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=DIR", help="all CTs of a dataset, named as in a store; repeatable", rich_help_panel=INPUT
        ),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="only the cases of a part of it: omentum data split", rich_help_panel=INPUT),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="PART", help="of the split: test, fold-0, folds, ...", show_default="test", rich_help_panel=INPUT
        ),
    ] = None,
    volume: Annotated[
        int | None,
        typer.Option(metavar="N", help="which volume of a 4D file, counted from 0", rich_help_panel=INPUT),
    ] = None,
    assume_orientation: Annotated[
        str | None,
        typer.Option(
            metavar="AXES", help='axis directions such as "RAS" for a file that states none', rich_help_panel=INPUT
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="take it for a CT although it does not look like one", rich_help_panel=INPUT),
    ] = False,
    classes: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="only these: liver,kidneys; see omentum classes", rich_help_panel=FIND),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            *("-w", "--weights"),
            metavar="WEIGHTS",
            help="name or file, see omentum weights list; repeated: the mean of their probabilities",
            show_default="default",
            rich_help_panel=FIND,
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="P|NAME=P",
            help="probability above which a voxel counts: 0.3 for all, liver_tumour=0.3 for one; repeatable",
            show_default="the weights' own, else 0.5",
            rich_help_panel=FIND,
        ),
    ] = None,
    postprocess: Annotated[
        str,
        typer.Option(
            metavar="RULES",
            help="omentum, published (the paper's rules) or none: what the network says",
            rich_help_panel=FIND,
        ),
    ] = "omentum",
    profile: Annotated[
        str,
        typer.Option(
            metavar="PROFILE", help="how thoroughly to look: fast, balanced, exact or best", rich_help_panel=HOW
        ),
    ] = "exact",
    device: Annotated[
        str,
        typer.Option(
            *("--device", "--devices"),
            metavar="DEVICE",
            help="auto, cpu, cuda, mps; 0,1 for several CUDA devices",
            rich_help_panel=HOW,
        ),
    ] = "auto",
    jobs: Annotated[
        int | None,
        typer.Option(
            *("-j", "--jobs"),
            metavar="N",
            help="processes that read and write other cases meanwhile",
            min=0,
            show_default="1; 0 on two processors",
            rich_help_panel=HOW,
        ),
    ] = None,
    locate: Annotated[
        bool,
        typer.Option(
            "--locate/--no-locate", help="with --classes, skip what is far from all of them", rich_help_panel=HOW
        ),
    ] = True,
    engine: Annotated[
        str, typer.Option(metavar="ENGINE", help="auto, openvino (CPU) or torch", rich_help_panel=HOW)
    ] = "auto",
    precision: Annotated[
        str | None,
        typer.Option(metavar="DTYPE", help="float32 or bf16, whatever the profile says", rich_help_panel=HOW),
    ] = None,
    batch: Annotated[int, typer.Option(metavar="N", help="windows per forward pass", min=1, rich_help_panel=HOW)] = 1,
    out: Annotated[
        Path,
        typer.Option(
            *("-o", "--out"),
            metavar="PATH",
            help="folder for PATH/<case>/, or x.nii.gz for the label map alone",
            rich_help_panel=OUTPUT,
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="what cases are called: text with {name}, {parent}, {grandparent}, {number}",
            show_default="as their files",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    anonymous: Annotated[
        bool,
        typer.Option(
            "--anonymous",
            help="write no name of a file or folder; cases get names that say nothing",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    masks: Annotated[
        bool, typer.Option("--masks", help="also masks/<structure>.nii.gz; zeros: not found", rich_help_panel=OUTPUT)
    ] = False,
    meshes: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="also meshes/<structure>: stl, obj or glb, in mm", rich_help_panel=OUTPUT),
    ] = None,
    probabilities: Annotated[
        str | None,
        typer.Option(
            metavar="DTYPE",
            help="also a map of each structure in probabilities/: uint8 or uint16, read as 0 to 1",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    statistics: Annotated[
        bool,
        typer.Option("--statistics", help="also statistics.json as TotalSegmentator does", rich_help_panel=OUTPUT),
    ] = False,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="also measurements.parquet of all cases", rich_help_panel=OUTPUT)
    ] = False,
    numbering: Annotated[
        str,
        typer.Option(
            metavar="WHOSE",
            help="numbers of the label map: msd-liver, btcv, totalsegmentator, a recipe, ...",
            rich_help_panel=OUTPUT,
        ),
    ] = "template",
    submission: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="also copy the label maps to this folder, each named as its CT",
            file_okay=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    preview: Annotated[
        bool | None,
        typer.Option("--preview/--no-preview", help="draw preview.png", show_default="preview", rich_help_panel=OUTPUT),
    ] = None,
    page: Annotated[
        bool | None,
        typer.Option("--report/--no-report", help="write report.html", show_default="report", rich_help_panel=OUTPUT),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace earlier results", rich_help_panel=OUTPUT)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="say nothing but warnings and errors", rich_help_panel=OUTPUT)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="print what became of the cases as JSON", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Segment CTs (NIfTI or DICOM): label map, measurements, report, manifest.

    One bad case never stops the others. What an earlier run finished in the
    same way is not done again.

    A case is called as its file, a DICOM series as its folder, which may be a
    patient's name: see --anonymous. Files of one name are called as the nearest
    folders that differ.
    """
    from omentum.cli.batch_summary import print_summary
    from omentum.cli.numbering_option import find_numbering
    from omentum.cli.progress import ProgressReporter
    from omentum.cli.segment_inputs import Wanted, plan_jobs
    from omentum.cli.submission import Submission
    from omentum.pipeline import SaveOptions, SegmentOptions, check_labels_alone, check_meshes, parse_thresholds
    from omentum.pipeline.batch import BatchSettings, helpful_jobs, parse_devices
    from omentum.pipeline.batch.run import BatchRun
    from omentum.pipeline.batch.tables import BatchTables, report

    check_meshes(meshes)
    beside = {"masks": masks, "statistics": statistics, "parquet": parquet, "preview": preview, "report": page}
    check_labels_alone(out, beside | {"meshes": meshes, "probabilities": probabilities})
    if parquet:
        from omentum.measure.parquet import check_parquet

        check_parquet()
    wanted = Wanted(tuple(inputs or ()), tuple(dataset or ()), split, part, name, anonymous, quiet)
    cases, devices, started = plan_jobs(wanted, out), parse_devices(device), time.perf_counter()
    words = None if classes is None else tuple(word.strip() for word in classes.split(",") if word.strip())
    options = SegmentOptions(
        *(words, devices[0], precision, batch, volume, assume_orientation, force),  # type: ignore[arg-type]
        postprocess=postprocess,
        profile=profile,
        locate=locate,
        engine=engine,
        threshold=parse_thresholds(threshold) if threshold else None,
        probabilities=probabilities,
    )
    numbers = find_numbering(numbering)
    save = SaveOptions(masks, preview is not False, statistics, page is not False, meshes, overwrite, numbers)
    copies = None if submission is None else Submission(submission, out, cases, overwrite)
    if copies is not None:
        copies.check()
    with ProgressReporter(silent=quiet) as speaker:
        several = devices if len(devices) > 1 else None
        how = BatchSettings(
            tuple(weights or ("default",)), options, save, helpful_jobs(devices[0]) if jobs is None else jobs
        )
        tables = BatchTables(out, parquet=parquet) if len(cases) > 1 or parquet else None
        outcomes = BatchRun(how, several, speaker, tables).run(cases)
    if tables is not None:
        tables.write(outcomes)
    copied = copies and copies.add(outcomes)
    if as_json:
        print(json.dumps(report(outcomes), indent=1))
    elif not quiet:
        print_summary(outcomes, time.perf_counter() - started)
        if submission is not None:
            print(f"label maps of {copied} of {len(cases)} cases: {submission.resolve()}")
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(SOME_CASES_FAILED)
