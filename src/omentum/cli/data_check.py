"""`omentum data check`: are these folders what the recipes say, and who is in them twice?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omentum.cli.check_text import known_reuse, print_check
from omentum.cli.option_table import Jobs, Json, JsonFile, Quiet
from omentum.data.datasets.named_folder import name_and_root
from omentum.errors import UsageError

if TYPE_CHECKING:
    from omentum.data.datasets.raw_case import DatasetCases
    from omentum.data.harmonise.check import CaseCheck
    from omentum.data.splits.split import Split

SOME_FAILED = 3


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
    """Read every case of some datasets: pairs, geometry, label values, empty labels, intensities, sides, duplicates."""
    from omentum.atomic import write_json
    from omentum.data.datasets.find import find_dataset
    from omentum.data.datasets.raw_case import find_cases
    from omentum.data.harmonise.duplicates import find_reuse, report, with_reuse
    from omentum.output_checks import check_distinct, check_output

    roots = _roots(dataset)
    wanted = [path for path in (json_file, splits_file) if path]
    for path in wanted:
        check_output(path, inputs=roots.values(), overwrite=True)
    check_distinct(wanted)
    found = {name: find_cases(find_dataset(name), root) for name, root in roots.items()}
    checks = _checked(found, jobs, quiet)
    reuse = find_reuse(checks)
    checks = with_reuse(checks, reuse)
    content = report(checks, reuse) | {"datasets": _pairing(found, roots)}
    if as_json:
        typer.echo(json.dumps(content, indent=1, allow_nan=False))
    else:
        print_check(found, checks, notes=not quiet)
    if json_file:
        write_json(json_file, content)
    if splits_file:
        _split(checks, reuse.groups, seed).write(splits_file)
    return SOME_FAILED if any(check.failed for check in checks) else 0


def _split(checks: Sequence[CaseCheck], groups: Sequence[Sequence[str]], seed: int) -> Split:
    """Train, validation and test, of the cases that can be used."""
    from omentum.data.splits.split import Split, SplitCase, split_groups

    good = {check.name: check for check in checks if not check.failed}
    left = [kept for group in groups if (kept := [name for name in group if name in good])]
    parts = {part: tuple(names) for part, names in split_groups(left, seed=seed).items()}
    cases = {n: SplitCase(n, check.dataset, check.patient, hashes=check.hashes) for n, check in good.items()}
    return Split(parts, cases, {"omentum": version("omentum"), "seed": seed})


def _roots(given: Sequence[str]) -> dict[str, Path]:
    roots: dict[str, Path] = {}
    for text in given:
        name, root = name_and_root(text)
        if name in roots:
            raise UsageError(f"--dataset {name} is given twice", remedy="give a dataset one folder")
        roots[name] = root
    return roots


def _checked(found: Mapping[str, DatasetCases], jobs: int, quiet: bool) -> list[CaseCheck]:
    """In the order of the datasets and their cases, however they are finished."""
    from omentum.cli.progress import Countdown
    from omentum.data.harmonise.check import check_case, died
    from omentum.process_pool import map_in_processes

    cases = [case for one in found.values() for case in one.cases]
    if len({case.name for case in cases}) < len(cases):
        keys = ", ".join(f"{name} is {one.cases[0].recipe.key!r}" for name, one in found.items() if one.cases)
        raise UsageError(f"two of the datasets have the same name: {keys}", remedy="rename one recipe's file")
    checks: dict[str, CaseCheck] = {}
    with Countdown("checking", silent=quiet) as countdown:
        for case, check in map_in_processes(check_case, cases, jobs):
            checks[case.name] = check or died(case)
            countdown.count(len(checks), len(cases))
    return [checks[case.name] for case in cases]


def _pairing(found: Mapping[str, DatasetCases], roots: Mapping[str, Path]) -> dict[str, Any]:
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
