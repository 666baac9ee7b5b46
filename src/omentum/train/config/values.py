"""Convert raw configuration values to typed dataclasses; errors name the setting."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from omentum.errors import UsageError
from omentum.train.config.renamed_settings import RENAMED

Kind = TypeVar("Kind")


def tables(raw: Mapping[str, Any], name: str, source: str | Path | None) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """The sub-tables of a table, by key."""
    found = raw.get(name, {})
    if not isinstance(found, Mapping) or not all(isinstance(table, Mapping) for table in found.values()):
        raise UsageError(f"{name} is a table of tables, got {found!r}", source=source, remedy=f"write [{name}.KEY]")
    return found.items()


def listed(raw: Mapping[str, Any], name: str, source: str | Path | None) -> Iterable[Any]:
    """The entries of a list of tables, e.g. [[data]]; none if it is missing.

    Raises:
        UsageError: The value is not a list.
    """
    found = raw.get(name, ())
    if not isinstance(found, list | tuple):
        raise UsageError(f"{name} is a list of tables, got {found!r}", source=source, remedy=f"write [[{name}]]")
    return found


def typed(kind: type[Kind], raw: Any, source: str | Path | None, place: str = "") -> Kind:
    """Build a dataclass from raw values: lists become tuples, and types are checked against defaults and annotations.

    Args:
        kind: The dataclass.
        raw: Its values.
        source: The file, for messages.
        place: Position of the table in the file, for messages.

    Raises:
        UsageError: A setting is unknown, missing, or of a wrong type.
    """
    if not isinstance(raw, Mapping):
        raise UsageError(f"{place or 'the configuration'} is a table of settings, got {raw!r}", source=source)
    refuse_unknown(kind, raw, place, source)
    values = {key: _tuple(value) for key, value in raw.items()}
    for entry in _fields(kind):
        if entry.name not in values:
            continue
        value = values[entry.name]
        if entry.default is not dataclasses.MISSING:
            values[entry.name] = _like(entry.default, value, f"{entry.name}", source)
        elif str(entry.type) == "str" and not isinstance(value, str):
            raise UsageError(f"{entry.name} is a str, got {value!r}", source=source)
        elif str(entry.type).startswith("Mapping") and not isinstance(value, Mapping):
            raise UsageError(f"{entry.name} is a table, got {value!r}", source=source)
    if missing := [entry.name for entry in _fields(kind) if _is_needed(entry) and entry.name not in values]:
        raise UsageError(f"{place or 'the configuration'} needs {', '.join(missing)}", source=source)
    return kind(**values)


def refuse_unknown(kind: type[Any], raw: Mapping[str, Any], place: str, source: str | Path | None) -> None:
    """Refuse an unknown setting, naming its new name or the closest match.

    Raises:
        UsageError: There is an unknown setting.
    """
    known = [entry.name for entry in _fields(kind)]
    for name in raw:
        if name not in known:
            where = f" in {place}" if place else ""
            new = RENAMED.get(str(name))
            if new in known:
                reason = f"the setting {str(name)!r}{where} was renamed"
                raise UsageError(reason, source=source, remedy=f"write {new!r}, with the same value")
            close = difflib.get_close_matches(str(name), known, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            raise UsageError(f"unknown setting {str(name)!r}{where}", source=source, remedy=meant)


def _fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(kind)


def _is_needed(entry: dataclasses.Field[Any]) -> bool:
    return entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING


def _like(default: Any, value: Any, name: str, source: str | Path | None) -> Any:
    """The value, with an integer converted to float where a float is expected, and a word to its enumeration."""
    if isinstance(default, tuple) and default:
        if not isinstance(value, tuple) or len(value) != len(default):
            raise UsageError(f"{name} takes {len(default)} numbers, got {value!r}", source=source)
        return tuple(_like(d, v, name, source) for d, v in zip(default, value, strict=True))
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if isinstance(default, StrEnum):
        words = [str(word) for word in type(default)]
        if value not in words:
            raise UsageError(f"{name} is one of {', '.join(words)}, got {value!r}", source=source)
        return type(default)(value)
    if type(value) is not type(default):
        raise UsageError(f"{name} is a {type(default).__name__}, got {value!r}", source=source)
    return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
