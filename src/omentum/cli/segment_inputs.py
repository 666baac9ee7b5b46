"""Which CTs `omentum segment` is to segment, what each is called, and where its result goes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omentum.errors import InputError, UsageError

if TYPE_CHECKING:
    from omentum.pipeline import Job

PART = "test"
"""Of a split, if nothing else is asked for."""
SHOWN = 5
"""So many missing cases are named."""
CT = "ct.nii.gz"
"""In a case folder, see `omentum.io.truth`."""


@dataclass(frozen=True)
class Wanted:
    """What the command line names.

    Args:
        inputs: CTs, case folders as `omentum phantom` writes them, and folders of these.
        datasets: NAME=FOLDER.
        split, part: Only the cases of a part of a split.
    """

    inputs: tuple[Path, ...]
    datasets: tuple[str, ...] = ()
    split: Path | None = None
    part: str | None = None


def plan_jobs(wanted: Wanted, out: Path) -> list[Job]:
    """Which file goes where.

    Raises:
        UsageError: nothing to do, or two inputs would write to the same place.
        InputError: a dataset or split that cannot be read, or one that holds nothing of the other.
    """
    from omentum.pipeline import Job, is_single_file

    if wanted.part is not None and wanted.split is None:
        raise UsageError("--part without --split", remedy="--split FILE, made by omentum data split")
    named: dict[str, Path] = {}
    for case, source in (*_inputs(wanted.inputs), *_of_datasets(wanted.datasets)):
        if case in named:
            raise UsageError(f"has the same case name {case!r} as {named[case]}", source=source, remedy="rename one")
        named[case] = source
    if not named:
        raise UsageError("nothing to segment", remedy="give CTs, folders of cases, or --dataset NAME=FOLDER")
    if wanted.split is not None:
        named = _of_part(named, wanted.split, wanted.part or PART)
    if is_single_file(out) and len(named) > 1:
        raise UsageError("is one file, but there are several inputs", source=out, remedy="give a folder with -o")
    return [Job(case, source, out if is_single_file(out) else out / case) for case, source in named.items()]


def _inputs(paths: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    """Name and CT of each; a folder of cases stands for all of them."""
    from omentum.io.truth import DESCRIPTION
    from omentum.pipeline import case_name

    for path in paths:
        folders = [path] if (path / DESCRIPTION).is_file() else sorted(p.parent for p in path.glob(f"*/{DESCRIPTION}"))
        yield from ((case_name(f), f / CT) for f in folders) if folders else [(case_name(path), path)]


def _of_datasets(named: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Name in a store, and CT."""
    from omentum.cli.dataset_option import name_and_root
    from omentum.data.datasets import find_dataset
    from omentum.data.raw import find_cases

    for text in named:
        name, root = name_and_root(text)
        yield from ((case.name, case.image) for case in find_cases(find_dataset(name), root).cases)


def _of_part(named: dict[str, Path], path: Path, part: str) -> dict[str, Path]:
    from omentum.data.splits import Split

    names = Split.read(path).names(part)
    found = {name: named[name] for name in names if name in named}
    if not found:
        raise InputError(f"none of the inputs is in its part {part!r}", source=path, remedy="names must be the store's")
    if missing := [name for name in names if name not in found]:
        first = ", ".join(missing[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
        text = f"{path}: {len(missing)} of the {len(names)} cases of its part {part!r} are not there: {first}"
        print(f"warning: {text}", file=sys.stderr)
    return found
