"""Structure rows as JSON-serialisable values, stored in checkpoints, stores, cases and results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

from omentum.anatomy.structure import Structure
from omentum.anatomy.structures import STRUCTURES, row_of
from omentum.errors import OmentumError, UsageError

Columns = Mapping[str, Any]

_COLUMNS = {field.name for field in fields(Structure)} - {"key"}
_REQUIRED = {field.name for field in fields(Structure) if field.default is MISSING} - {"key"}
_OPTIONAL = ("side", "pair", "snomed_region")


def carried_rows(keys: Iterable[str]) -> dict[str, Columns]:
    """Rows that a file about some structures must store: complete columns, JSON values; {} if all are packaged."""
    return {row.key: columns_of(row) for row in STRUCTURES.carried(keys)}


def include_carried(rows: Mapping[str, Columns], source: str | Path | None = None) -> None:
    """Register the structures stored in a file.

    Args:
        rows: Result of `carried_rows`.
        source: File name for messages.

    Raises:
        UsageError: The rows are damaged, or define a key differently than this process.
    """
    with naming(source):
        for key, columns in rows.items():
            check_columns(key, columns)
            if lacking := sorted(_REQUIRED - set(columns)):
                raise UsageError(f"{key}: its row lacks {', '.join(lacking)}")
        STRUCTURES.include([row_of(key, columns) for key, columns in rows.items()], binding=False)


def columns_of(row: Structure) -> dict[str, Any]:
    """All columns as JSON-serialisable values; an empty `misspelt` is omitted, as earlier versions expect."""
    said = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(row).items() if name != "key"}
    if not row.misspelt:
        del said["misspelt"]
    return said


@contextmanager
def naming(source: str | Path | None) -> Iterator[None]:
    """Add the file name to errors that name no file."""
    try:
        yield
    except OmentumError as fault:
        if fault.source is not None or source is None:
            raise
        raise type(fault)(fault.reason, source=source, remedy=fault.remedy) from fault


def check_columns(key: str, columns: Any) -> None:
    """Refuse a row with unknown columns or wrong types; plausibility is checked on inclusion.

    Raises:
        UsageError: A column is unknown or has a wrong type; the message names it.
    """
    if not isinstance(columns, Mapping):
        raise UsageError(f"{key} is no table", remedy=f"a structure is a table such as [{key}]")
    if unknown := sorted(set(columns) - _COLUMNS):
        raise UsageError(
            f"{key}: unknown column {', '.join(unknown)}", remedy=f"there are {', '.join(sorted(_COLUMNS))}"
        )
    for name in columns:
        if not (_fits(name, columns[name]) or (columns[name] is None and name in _OPTIONAL)):
            raise UsageError(f"{key}: {name} cannot be {columns[name]!r}")


def _fits(name: str, value: Any) -> bool:
    """Whether a value has the type of its column; plausibility is checked in `structure_checks`."""
    match name:
        case "hosts" | "synonyms" | "misspelt":
            return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        case "colour" | "volume_ml":
            numbers = isinstance(value, list) and all(type(entry) in (int, float) for entry in value)
            return numbers or (name == "colour" and isinstance(value, str))
        case "index" | "paint":
            return type(value) is int
        case "snomed" | "snomed_region":
            return (
                isinstance(value, dict)
                and value.keys() == {"code", "meaning"}
                and all(isinstance(entry, str) for entry in value.values())
            )
        case _:
            return isinstance(value, str) and bool(value.strip() or name in ("unsure", "note"))
