"""`omentum segment`: CTs in, a folder of results for each out."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

SOME_CASES_FAILED = 3


def segment(
    inputs: Annotated[
        list[Path] | None, typer.Argument(metavar="INPUT...", help="CT in HU: .nii.gz or .nii; or folders of cases")
    ] = None,
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="folder for OUT/<case>/, or x.nii.gz for the labels alone")],
    dataset: Annotated[
        list[str] | None, typer.Option(help="NAME=FOLDER: all CTs of a dataset, named as in a store; repeatable")
    ] = None,
    split: Annotated[Path | None, typer.Option(help="only the cases of a part of it: omentum data split")] = None,
    part: Annotated[
        str | None, typer.Option(help="of the split: test, fold-0, folds, ...", show_default="test")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            *("-w", "--weights"),
            help="name or file, see omentum weights list; repeated: the mean of their probabilities",
            show_default="default",
        ),
    ] = None,
    classes: Annotated[str | None, typer.Option(help="only these, e.g. liver,kidneys; see omentum classes")] = None,
    locate: Annotated[
        bool, typer.Option("--locate/--no-locate", help="with --classes, skip what is far from all of them")
    ] = True,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="P|NAME=P",
            help="probability above which a voxel counts: 0.3 for all, liver_tumour=0.3 for one (repeatable)",
            show_default="what the weights say, 0.5",
        ),
    ] = None,
    profile: Annotated[str, typer.Option(help="exact, balanced, fast or best: how thoroughly to look")] = "exact",
    engine: Annotated[str, typer.Option(help="auto, openvino (CPU) or torch")] = "auto",
    precision: Annotated[str | None, typer.Option(help="float32 or bf16, whatever the profile says")] = None,
    device: Annotated[
        str, typer.Option("--device", "--devices", help="auto, cpu, cuda, mps; 0,1 for several CUDA devices")
    ] = "auto",
    jobs: Annotated[
        int | None,
        typer.Option(
            *("-j", "--jobs"),
            help="processes that read and write other cases meanwhile",
            min=0,
            show_default="1; 0 where two processors do it all",
        ),
    ] = None,
    batch: Annotated[int, typer.Option(help="windows per forward pass", min=1)] = 1,
    postprocess: Annotated[
        str, typer.Option(help="omentum, published (the paper's rules) or none: what the network says")
    ] = "omentum",
    masks: Annotated[bool, typer.Option("--masks", help="also write masks/<structure>.nii.gz")] = False,
    probabilities: Annotated[
        str | None, typer.Option(help="also write probabilities/<structure>.nii.gz: uint8 or uint16, read as 0 to 1")
    ] = None,
    numbering: Annotated[
        str, typer.Option(help="whose numbers the label map has: msd-liver, btcv, totalsegmentator, a recipe, ...")
    ] = "template",
    submission: Annotated[
        Path | None,
        typer.Option(help="also copy the label maps to this folder, each named as its CT", file_okay=False),
    ] = None,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="also write statistics.json as TotalSegmentator does")
    ] = False,
    parquet: Annotated[bool, typer.Option("--parquet", help="also write measurements.parquet of all cases")] = False,
    preview: Annotated[
        bool | None, typer.Option("--preview/--no-preview", help="draw preview.png", show_default="preview")
    ] = None,
    page: Annotated[
        bool | None, typer.Option("--report/--no-report", help="write report.html", show_default="report")
    ] = None,
    meshes: Annotated[str | None, typer.Option(help="also write meshes/<structure>: stl, obj or glb, in mm")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace earlier results")] = False,
    volume: Annotated[int | None, typer.Option(help="which volume of a 4D file, from 0")] = None,
    assume_orientation: Annotated[
        str | None, typer.Option(help='axis directions such as "RAS" for a file that states none')
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="take it for a CT although it does not look like one")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="say nothing but warnings and errors")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
) -> None:
    """Segment CTs: label map, measurements, picture and manifest for each; one bad case never stops the others.

    What an earlier run finished in the same way is not done again.
    """
    from omentum.cli.batch import Batch
    from omentum.cli.batch_tables import Tables, print_summary, report
    from omentum.cli.numbering_option import find_numbering
    from omentum.cli.segment_inputs import Wanted, plan_jobs
    from omentum.cli.speaker import Speaker
    from omentum.cli.submission import Submission
    from omentum.pipeline import (
        LineOptions,
        Options,
        SaveOptions,
        check_labels_alone,
        check_meshes,
        helpful_jobs,
        parse_devices,
        parse_thresholds,
    )

    check_meshes(meshes)
    beside = {"masks": masks, "statistics": statistics, "parquet": parquet, "preview": preview, "report": page}
    check_labels_alone(out, beside | {"meshes": meshes, "probabilities": probabilities})
    if parquet:
        from omentum.report.parquet import check_parquet

        check_parquet()
    wanted = Wanted(tuple(inputs or ()), tuple(dataset or ()), split, part)
    cases, devices, started = plan_jobs(wanted, out), parse_devices(device), time.perf_counter()
    names = None if classes is None else tuple(name.strip() for name in classes.split(",") if name.strip())
    options = Options(
        *(names, devices[0], precision, batch, volume, assume_orientation, force),  # type: ignore[arg-type]
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
    with Speaker(silent=quiet) as speaker:
        several = devices if len(devices) > 1 else None
        how = LineOptions(
            tuple(weights or ("default",)), options, save, helpful_jobs(devices[0]) if jobs is None else jobs
        )
        tables = Tables(out, parquet=parquet) if len(cases) > 1 or parquet else None
        outcomes = Batch(how, several, speaker, tables).run(cases)
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
