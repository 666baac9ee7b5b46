"""`omentum doctor`: what an input is and what would be done with it; or what this machine offers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from omentum.cli.exit_codes import SOME_FAILED
from omentum.cli.garbage import importing
from omentum.cli.option_table import Json, with_options
from omentum.cli.structures_option import StructuresFile
from omentum.errors import InputError
from omentum.pipeline.batch.options import WeightsChoice
from omentum.pipeline.options import SaveOptions, SegmentOptions


@with_options
def doctor(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[INPUT]...", help="any file or folder; none: this machine", show_default=False),
    ] = None,
    *,
    options: SegmentOptions,
    chosen: WeightsChoice,
    save: SaveOptions,
    as_json: Json = False,
    own: StructuresFile = None,
) -> None:
    """Say what an input is, what segment would do with it, and every doubt.

    The CT is read and checked as in a segmentation, but the network is not
    run and nothing is written: output options tell which files would be, or
    why not. Time and memory are estimates from recorded benchmarks. Without an
    input: versions, extras, engines, devices, caches, memory of this machine.

    Exit code 0 if it would work, 2 if not, 3 if not for some of several CTs.
    """
    with importing():
        from omentum.doctor.examine import Examiner
        from omentum.doctor.input_report import reports_to_json
        from omentum.doctor.machine import examine_machine
        from omentum.doctor.text import input_lines, machine_lines

    machine = examine_machine()
    if not inputs:
        print(json.dumps(machine.to_json(), indent=1) if as_json else "\n".join(machine_lines(machine)))
        return
    examiner = Examiner(machine, options, chosen.weights, save)
    reports = []
    for path in inputs:
        for report in examiner.examine(path):
            reports.append(report)
            if not as_json:
                print("\n".join(input_lines(report)), flush=True)
    if as_json:
        print(json.dumps(reports_to_json(reports), indent=1))
    bad = [fault for report in reports for fault in report.faults[:1]]
    if len(bad) == 1 and not any(report.works and report.plan for report in reports):
        sys.stdout.flush()
        raise InputError(bad[0])
    if bad:
        raise typer.Exit(SOME_FAILED)
