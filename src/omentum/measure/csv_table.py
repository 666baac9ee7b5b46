"""Rows as CSV text that a spreadsheet reads as data, never as formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""Text that starts with one of these would be executed as a formula by spreadsheets (OWASP, "CSV injection")."""


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Format rows as CSV (RFC 4180); None is an empty cell, numbers stay numbers.

    Args:
        rows: Each has at least a value for every column.
        columns: Header; by default the keys of the first row.
    """
    head = columns or tuple(rows[0] if rows else ())
    if not head:
        return ""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([_cell(name) for name in head])
    for row in rows:
        writer.writerow([_cell(row[name]) for name in head])
    return out.getvalue()


def _cell(value: Any) -> Any:
    text_at_risk = isinstance(value, str) and value.startswith(FORMULA_STARTS)
    return f"'{value}" if text_at_risk else value
