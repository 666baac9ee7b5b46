"""Print all settings of a run as TOML with descriptions, taken from the dataclass docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from omentum.data.sampling.augmentation import Augmentation
from omentum.train.config.settings import TrainConfig
from omentum.train.config.toml_file import load_without_data

WIDTH = 100

_ENTRY = re.compile(r"    (\w+(?:, \w+)*): (.*)")


def shown(source: str | Path | None, overrides: Mapping[str, Any], data: Iterable[str | Path] = ()) -> str:
    """All settings of a run as TOML text; see `omentum.train.config.toml_file.load_config`.

    Args:
        source: A file or preset; None for the defaults.
        overrides: Values to replace, with nested tables.
        data: Stores and folders of cases; if none is given anywhere, the line is commented out.

    Returns:
        TOML text; a comment marks each setting that differs from its default.

    Raises:
        UsageError: The file is unreadable, or a setting is unknown or invalid.
    """
    return as_toml(*load_without_data(source, overrides, data))


def as_toml(config: TrainConfig, named: bool = True) -> str:
    """All settings of a run as TOML text; a comment marks each that differs from its default.

    Args:
        config: The run.
        named: Whether its data are real; otherwise the line is commented out.
    """
    augmentation = settings_toml(config.augmentation)
    return f"{settings_toml(config, hidden=set() if named else {'data'})}\n\n[augmentation]\n{augmentation}"


def settings_toml(settings: Any, hidden: Collection[str] = ()) -> str:
    """The settings of one dataclass as TOML text, each with its meaning.

    Args:
        settings: Its docstring tells the meanings; see `meanings`.
        hidden: Settings whose lines are commented out.
    """
    return "\n".join(_lines(settings, hidden))


def meanings(kind: type[Any]) -> dict[str, str]:
    """Setting -> description, from the Args section of a dataclass docstring."""
    found: dict[str, str] = {}
    names: list[str] = []
    _, _, arguments = (inspect.getdoc(kind) or "").partition("Args:\n")
    for line in arguments.split("\n\n")[0].splitlines():
        if entry := _ENTRY.fullmatch(line):
            names = entry[1].split(", ")
            found |= dict.fromkeys(names, entry[2])
        else:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def _lines(config: Any, hidden: Collection[str]) -> Iterator[str]:
    told, defaults = meanings(type(config)), _defaults(type(config))
    for name, default in defaults.items():
        value = getattr(config, name)
        if isinstance(value, Augmentation):
            continue
        yield from textwrap.wrap(told.get(name, ""), WIDTH, initial_indent="# ", subsequent_indent="# ")
        line = f"{name} = {_toml(value)}"
        changed = "" if value == default or name in hidden else f"  # default: {_toml(default)}"
        yield f"# {line}" if name in hidden else f"{line}{changed}"


def _defaults(kind: type[Any]) -> dict[str, Any]:
    return {
        entry.name: entry.default_factory() if callable(entry.default_factory) else entry.default
        for entry in dataclasses.fields(kind)
    }


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if dataclasses.is_dataclass(value):
        return _toml(vars(value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)
