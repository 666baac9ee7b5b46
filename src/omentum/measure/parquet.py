"""Rows as an Apache Parquet file, with the columns of the CSV and their types."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Mapping, Sequence
from typing import Any

from omentum.errors import MissingDependencyError


def check_parquet() -> None:
    """Check that Parquet can be written, before hours of work.

    Raises:
        MissingDependencyError: pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingDependencyError("writing Parquet needs pyarrow", remedy="pip install 'omentum[tables]'")


def parquet_bytes(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Encode rows as a Parquet file; None is null. Columns without any value are floats.

    Args:
        rows: Rows with the same columns; without rows the file has no columns.

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
