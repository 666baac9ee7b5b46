"""`omentum data check`: consistency of dataset folders with their recipes, and duplicate patients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omentum.cli.exit_codes import SOME_FAILED
from omentum.cli.option_table import Jobs, Json, JsonFile, Quiet

if TYPE_CHECKING:
    from omentum.data.datasets.raw_case import DatasetCases


def check(
    dataset: Annotated[
        list[str], typer.Option("--dataset", metavar="NAME=DIR", help="a dataset and its folder; repeatable")
    ],
    json_file: JsonFile = None,
    as_json: Json = False,
    splits_file: Annotated[
        Path | None, typer.Option("--splits", help="write a split into train, validation and test, by patient")
    ] = None,
    seed: Annotated[int, typer.Option(help="another seed, another split", min=0)] = 0,
    jobs: Jobs = 1,
    quiet: Quiet = False,
) -> int:
    """Check every case of the datasets: files, geometry, label values, empty labels, intensities, sides, duplicates."""
    from omentum.atomic import json_text, write_json
    from omentum.cli.data.check_text import print_check
    from omentum.cli.progress import Countdown
    from omentum.data.check_data import check_data
    from omentum.data.datasets.named_folder import folders_by_name
    from omentum.output_checks import check_distinct, check_report
    from omentum.schemas import Schema, stamped

    roots = folders_by_name(dataset)
    wanted = [path for path in (json_file, splits_file) if path]
    for path in wanted:
        check_report(path, inputs=roots.values())
    check_distinct(wanted)
    with Countdown("checking", silent=quiet) as countdown:
        result = check_data(roots, jobs=jobs, progress=countdown)
    content = stamped(Schema.DATA_CHECK, result.to_json() | {"datasets": _pairing(result.datasets, roots)})
    if as_json:
        typer.echo(json_text(content), nl=False)
    else:
        print_check(result.datasets, result.checks, notes=not quiet)
    if json_file:
        write_json(json_file, content)
    if splits_file:
        result.split(seed).write(splits_file)
    return SOME_FAILED if result.failed else 0


def _pairing(found: Mapping[str, DatasetCases], roots: Mapping[str, Path]) -> dict[str, Any]:
    from omentum.cli.data.check_text import known_reuse

    return {
        name: {
            "root": str(roots[name]),
            "cases": len(one.cases),
            "skipped": dict(one.skipped),
            "unpaired": [str(path) for path in one.unpaired],
            "known_reuse": "; ".join(known_reuse(one).values()),
        }
        for name, one in found.items()
    }
