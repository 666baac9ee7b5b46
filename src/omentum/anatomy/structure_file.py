"""User-defined structures.toml: the columns of the packaged table, with defaults for missing ones."""

from __future__ import annotations

import colorsys
import re
import tomllib
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from omentum.anatomy.structure import Structure
from omentum.anatomy.structure_rows import Columns, check_columns, columns_of, naming
from omentum.anatomy.structures import STRUCTURES, row_of
from omentum.errors import UsageError

ANY_VOLUME_ML = (0.001, 100_000.0)
"""Nothing is implausible."""

_PAINT = {"organ": 10, "vessel": 30, "tumour": 50, "cyst": 50}
_SNOMED = {
    "organ": {"code": "123037004", "meaning": "Anatomical Structure"},
    "vessel": {"code": "59820001", "meaning": "Blood vessel"},
    "tumour": {"code": "108369006", "meaning": "Neoplasm"},
    "cyst": {"code": "367643001", "meaning": "Cyst"},
}
_GOLDEN = 0.618034
"""Of the colour circle, between one structure and the next: many colours, none near another."""


def read_structures(path: str | Path) -> tuple[Structure, ...]:
    """Read the rows of a user's structures.toml, with the columns of the packaged one; only the key is mandatory.

    For a key of the packaged table, given columns replace the packaged ones and the others are kept. Pass the rows to
    `STRUCTURES.include` to use them.

    Raises:
        UsageError: The file is unreadable, or a column is unknown or of a wrong type; the message names the row.
    """
    path = Path(path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise UsageError("no such file of structures", source=path) from fault
    except (OSError, ValueError) as fault:
        raise UsageError(f"cannot be read as structures: {fault}", source=path) from fault
    if not raw:
        raise UsageError("names no structure", source=path, remedy="a structure is a table such as [vertebra_L1]")
    with naming(path):
        for key, columns in raw.items():
            check_columns(key, columns)
        highest = max(*(row.index for row in STRUCTURES), *(columns.get("index", 0) for columns in raw.values()))
        numbers = count(highest + 1)
        return tuple(_row(key, columns, numbers) for key, columns in raw.items())


def include_structures(path: str | Path) -> tuple[str, ...]:
    """Register the structures of a file in this process; see `StructureTable.include`.

    Returns:
        Their keys, in file order.

    Raises:
        UsageError: The file cannot be used, or is inconsistent with itself or the table.
    """
    rows = read_structures(path)
    with naming(path):
        STRUCTURES.include(rows)
    return tuple(row.key for row in rows)


def include_noun(noun: str) -> str:
    """Register an organ of this name, with defaults for everything else; returns its key.

    Raises:
        UsageError: The noun has no letters, or the key or a name of it is taken.
    """
    said = " ".join(noun.split())
    key = re.sub(r"[^a-z0-9]+", "_", said.lower()).strip("_")
    if not re.search("[a-z]", key):
        raise UsageError(f"{noun!r} names no structure", remedy="use letters, or define it in a structures file")
    STRUCTURES.include([_row(key, {"noun": said}, count(max(row.index for row in STRUCTURES) + 1))])
    return key


def _row(key: str, given: dict[str, Any], numbers: Iterator[int]) -> Structure:
    """Complete a row from the packaged row, else with `_completed`."""
    if isinstance(given.get("colour"), str):
        given = given | {"colour": _from_hex(given["colour"])}
    if key in STRUCTURES.default_keys:
        return row_of(key, columns_of(STRUCTURES[key]) | given)
    if "index" not in given:
        given = given | {"index": STRUCTURES[key].index if key in STRUCTURES else next(numbers)}
    return row_of(key, _completed(key, given))


def _completed(key: str, given: dict[str, Any]) -> Columns:
    """Fill missing columns with defaults."""
    side, kind = given.get("side"), given.get("kind", "organ")
    words = key.replace("_", " ")
    if side and words.endswith(f" {side}"):
        words = f"{side} {words.removesuffix(f' {side}')}"
    noun = given.get("noun", words)
    defaults = {
        "display": noun[:1].upper() + noun[1:],
        "noun": noun,
        "published_noun": noun,
        "kind": kind,
        "snomed": _SNOMED.get(kind, _SNOMED["organ"]),
        "volume_ml": ANY_VOLUME_ML,
        "paint": _PAINT.get(kind, _PAINT["organ"]),
    }
    return {"colour": generated_colour(given["index"])} | defaults | given


def generated_colour(index: int) -> tuple[int, int, int]:
    """Deterministic colour for a structure's number."""
    hue, ring = (index * _GOLDEN) % 1.0, index % 3
    red, green, blue = colorsys.hsv_to_rgb(hue, (0.75, 0.5, 0.9)[ring], (0.9, 0.95, 0.7)[ring])
    return round(255 * red), round(255 * green), round(255 * blue)


def _from_hex(text: str) -> Any:
    try:
        return tuple(bytes.fromhex(text.removeprefix("#")))
    except ValueError:
        return text
