"""Rows of structures as the JSON values that travel with checkpoints, stores, cases and results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omentum.anatomy.structure import Structure
from omentum.anatomy.structures import STRUCTURES, row_of
from omentum.errors import OmentumError, UsageError

Columns = Mapping[str, Any]


def carried_rows(keys: Iterable[str]) -> dict[str, Columns]:
    """What has to travel with a file about some structures: complete columns, JSON values; {} for plain defaults."""
    return {row.key: columns_of(row) for row in STRUCTURES.carried(keys)}


def include_carried(rows: Mapping[str, Columns], source: str | Path | None = None) -> None:
    """Make the structures that came along with a file known to this process.

    Args:
        rows: From `carried_rows`.
        source: The file, for messages.

    Raises:
        UsageError: they are damaged, or mean something else than what this process knows by the same key.
    """
    with naming(source):
        try:
            found = [row_of(key, columns) for key, columns in rows.items()]
        except (TypeError, AttributeError) as fault:
            raise UsageError(f"holds structures that cannot be read: {fault}") from fault
        STRUCTURES.include(found, binding=False)


def columns_of(row: Structure) -> dict[str, Any]:
    """JSON values of all columns."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(row).items() if name != "key"}


@contextmanager
def naming(source: str | Path | None) -> Iterator[None]:
    """Name the file in errors that do not name one."""
    try:
        yield
    except OmentumError as fault:
        if fault.source is not None or source is None:
            raise
        raise type(fault)(fault.reason, source=source, remedy=fault.remedy) from fault
