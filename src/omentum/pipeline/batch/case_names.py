"""Case names: from file names, from the nearest distinct folders, or by a pattern."""

from __future__ import annotations

import os
import string
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from omentum.errors import UsageError
from omentum.io.case_names import case_name
from omentum.pipeline.outputs import is_single_file
from omentum.result_files import BATCH

FIELDS = ("name", "parent", "grandparent", "number")
"""Fields of a pattern: file name without suffix, its folder, the parent of that folder, and a counter from 1."""
_REMEDY = "--name '{parent}_{name}', or {number}"


@dataclass(frozen=True)
class InputCase:
    """A CT to segment.

    Args:
        path: File or folder.
        case: Case name if it has one, as in a dataset; by default the name of the file.
    """

    path: Path
    case: str | None = None

    @property
    def own_name(self) -> str:
        """Name used if it is unique."""
        return self.case or case_name(self.path)


def name_cases(sources: Sequence[InputCase], pattern: str | None = None) -> dict[str, Path]:
    """Assign a unique name to each case.

    Args:
        sources: Cases in the order of the command line.
        pattern: Pattern with fields in braces, see `FIELDS`.

    Returns:
        Name -> path, in the same order.

    Raises:
        UsageError: a CT is given twice, names cannot be made unique, or the pattern does not give unique names.
    """
    _refuse_twice(sources)
    names = _distinct(sources) if pattern is None else _by_pattern(sources, pattern)
    named: dict[str, Path] = {}
    for name, source in zip(names, sources, strict=True):
        if name in named:
            reason = f"has the same case name {name!r} as {named[name]}"
            raise UsageError(reason, source=source.path, remedy=f"rename one, or {_REMEDY}")
        if name in BATCH:
            reason = f"its case would be called {name!r}, as a table of the batch is"
            raise UsageError(reason, source=source.path, remedy=_REMEDY)
        named[name] = source.path
    return named


def _refuse_twice(sources: Iterable[InputCase]) -> None:
    seen = set()
    for path in (source.path for source in sources):
        place = os.path.normpath(path.absolute())
        if place in seen:
            raise UsageError("is named twice", source=path, remedy="name it once")
        seen.add(place)


def _distinct(sources: Sequence[InputCase]) -> list[str]:
    """Own names if unique; otherwise names of the nearest folders that differ."""
    names = [source.own_name for source in sources]
    alike = defaultdict(list)
    for number, (name, source) in enumerate(zip(names, sources, strict=True)):
        if source.case is None:
            alike[name].append(number)
    taken = {name for name in names if len(alike[name]) < 2}
    for name, numbers in alike.items():
        if len(numbers) > 1:
            folders = _differing([sources[number].path for number in numbers])
            if len(set(folders)) < len(folders):  # within one folder: refused by the caller
                continue
            with_name = not taken.isdisjoint(folders)
            new = [f"{folder}_{name}" if with_name else folder for folder in folders]
            taken.update(new)
            for number, better in zip(numbers, new, strict=True):
                names[number] = better
    return names


def _differing(paths: Sequence[Path]) -> list[str]:
    """For each path, the fewest parent folders (nearest first) that distinguish it from the others."""
    folders = [[_escaped(folder) for folder in _folders(path)] for path in paths]
    chosen: list[tuple[str, ...]] = [() for _ in paths]
    for level in range(max(map(len, folders))):
        here = [parts[level] if level < len(parts) else "" for parts in folders]
        if len(set(here)) > 1:
            chosen = [(part, *inner) if part else inner for part, inner in zip(here, chosen, strict=True)]
            if len(set(chosen)) == len(chosen):
                break
    return ["_".join(parts) for parts in chosen]


def _by_pattern(sources: Sequence[InputCase], pattern: str) -> list[str]:
    fields = _fields(pattern)
    if unknown := sorted(fields - set(FIELDS)):
        raise UsageError(f"--name has no field {unknown[0]!r}", remedy=f"it has {', '.join(map(_braced, FIELDS))}")
    if not fields and len(sources) > 1:
        raise UsageError(f"--name {pattern!r} is the same for every case", remedy=f"for example {_REMEDY}")
    names, digits = [], len(str(len(sources)))
    for number, source in enumerate(sources, start=1):
        parent, grandparent = [*map(_escaped, _folders(source.path)), "", ""][:2]
        about = {"name": source.own_name, "parent": parent, "grandparent": grandparent}
        names.append(_checked(pattern.format(**about, number=f"{number:0{digits}}"), pattern))
    return names


def _fields(pattern: str) -> set[str]:
    try:
        parts = [part for part in string.Formatter().parse(pattern) if part[1] is not None]
    except ValueError as fault:
        raise UsageError(f"--name {pattern!r}: {fault}", remedy=f"for example {_REMEDY}") from fault
    if any(how or conversion for _, _, how, conversion in parts):
        raise UsageError(f"--name {pattern!r}: fields have no format", remedy=f"for example {_REMEDY}")
    return {str(field) for _, field, _, _ in parts}


def _folders(path: Path) -> tuple[str, ...]:
    """Names of its parent folders, nearest first."""
    return Path(os.path.normpath(path.absolute())).parts[-2:0:-1]


def _checked(name: str, pattern: str) -> str:
    if not name.strip(" .") or name != Path(name).name or "\0" in name or is_single_file(name):
        raise UsageError(f"--name {pattern!r} makes {name!r}, which no folder can be called", remedy=f"use {_REMEDY}")
    return name


def _escaped(folder: str) -> str:
    return case_name(f"{os.sep}{folder}") if folder else ""


def _braced(field: str) -> str:
    return "{" + field + "}"
