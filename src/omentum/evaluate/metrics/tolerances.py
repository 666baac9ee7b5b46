"""NSD tolerances: the packaged table, one value for all structures, or a file of the user."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError, UsageError

OTHER_MM = 3.0
"""Tolerance of structures without a row in the table, as used by TotalSegmentator for all structures."""


@dataclass(frozen=True)
class Tolerance:
    """Tolerance of one structure.

    Args:
        mm: Maximum distance of surfaces that count as equal, in mm.
        source: Source of the value.
    """

    mm: float
    source: str


class Tolerances(dict[str, Tolerance]):
    """Tolerances by structure key; structures without a row have the tolerance `other`."""

    def __init__(self, rows: Mapping[str, Tolerance], other: Tolerance) -> None:
        super().__init__(rows)
        self.other = other

    def __missing__(self, key: str) -> Tolerance:
        """Return the tolerance of a structure without a row, such as a user-defined one."""
        return self.other

    def __reduce__(self) -> tuple[Any, ...]:
        return Tolerances, (dict(self), self.other)


@cache
def packaged_tolerances() -> Tolerances:
    """The packaged tolerances (tolerances.toml), by structure key."""
    text = (resources.files("omentum.evaluate.metrics") / "tolerances.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    sources = table.pop("sources")
    rows = {key: Tolerance(float(row["mm"]), sources[row["source"]]) for key, row in table.items()}
    return Tolerances(rows, Tolerance(OTHER_MM, sources["totalsegmentator"]))


def load_tolerances(choice: str | Path) -> Tolerances:
    """Load one value in mm for all structures, or a TOML file (`liver = 3.0`) that overrides packaged ones.

    Raises:
        InputError: the file cannot be read, or a value is not a positive number.
        UsageError: an unknown structure in the file.
    """
    try:
        mm = float(str(choice))
    except ValueError:
        packaged = packaged_tolerances()
        return Tolerances({**packaged, **_from_file(Path(choice))}, packaged.other)
    given = Tolerance(_positive(mm), "given on the command line")
    return Tolerances(dict.fromkeys(STRUCTURES.keys, given), given)


def _from_file(path: Path) -> dict[str, Tolerance]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        remedy = "a number of mm, or a TOML file with lines such as liver = 3.0"
        raise InputError("no such file of tolerances", source=path, remedy=remedy) from fault
    except (OSError, ValueError) as fault:
        raise InputError(f"cannot be read as tolerances: {fault}", source=path) from fault
    return {_key(name, path): Tolerance(_positive(mm, path), path.name) for name, mm in raw.items()}


def _key(name: str, path: Path) -> str:
    try:
        return STRUCTURES.find(name).key
    except UsageError as fault:
        fault.source = path
        raise


def _positive(mm: Any, source: Path | None = None) -> float:
    if isinstance(mm, bool) or not isinstance(mm, int | float) or not 0 < mm < math.inf:
        raise InputError(f"{mm!r} is no tolerance", source=source, remedy="a positive number of mm, e.g. liver = 3.0")
    return float(mm)
