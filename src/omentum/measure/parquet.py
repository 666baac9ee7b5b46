"""Rows as an Apache Parquet file: the columns of the CSV, with their types."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Mapping, Sequence
from typing import Any

from omentum.errors import MissingDependencyError


def check_parquet() -> None:
    """Refuse what cannot be written before hours of work are spent.

    Raises:
        MissingDependencyError: pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingDependencyError("writing Parquet needs pyarrow", remedy="pip install 'omentum[tables]'")


def parquet_bytes(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The content of a Parquet file; None is null. Columns without any value are floats.

    Args:
        rows: All with the same columns; without rows, the file has none.

    Raises:
        MissingDependencyError: pyarrow is not installed.
    """
    check_parquet()
    import pyarrow as pa
    from pyarrow.parquet import write_table

    columns = {name: pa.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}
    columns = {name: c.cast(pa.float64()) if pa.types.is_null(c.type) else c for name, c in columns.items()}
    out = io.BytesIO()
    write_table(pa.table(columns), out)
    return out.getvalue()
