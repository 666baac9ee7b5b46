"""A training configuration from a preset, a TOML file and values given on the command line, the later winning."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from omentum.data.augmentation import Augmentation
from omentum.data.store import MANIFEST
from omentum.errors import UsageError
from omentum.model.catalogue import catalogue
from omentum.train.config import DataConfig, PairConfig, TrainConfig
from omentum.train.dataset_config import DatasetConfig

PRESET = "preset"
"""Key of a file that names the preset it starts from."""


def presets() -> dict[str, str]:
    """Name -> what the first line of the preset says of it."""
    files = sorted(resources.files("omentum.train").joinpath("presets").iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".toml"): file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        for file in files
        if file.name.endswith(".toml")
    }


def load_config(
    source: str | Path, overrides: Mapping[str, Any] | None = None, data: Iterable[str | Path] = ()
) -> TrainConfig:
    """Read a TOML file, or take a preset by its name.

    Args:
        source: Path of a file, or the name of a preset. A file may start from a preset: `preset = "compact"`. Relative
            paths in a file are relative to it; in overrides, to the working directory.
        overrides: Values to replace, tables nested; see `parse_settings`.
        data: Stores and folders of cases to train on, instead of those in the file.

    Raises:
        UsageError: unreadable, an unknown field, a value of another type, or impossible values.
    """
    raw = _read(source)
    raw = _merged(raw, _resolved(dict(overrides or {}), Path()))
    collections = [_collection(Path(place)) for place in data]
    if collections:
        raw |= {"data": collections, "pairs": []}
    try:
        raw["data"] = tuple(_typed(DataConfig, entry, source) for entry in _list(raw, "data", source))
        raw["pairs"] = tuple(_typed(PairConfig, entry, source) for entry in _list(raw, "pairs", source))
        raw["datasets"] = {key: _typed(DatasetConfig, own, source) for key, own in _tables(raw, "datasets", source)}
        raw["augmentation"] = _typed(Augmentation, raw.get("augmentation", {}), source)
        return _typed(TrainConfig, raw, source)
    except TypeError as fault:
        raise UsageError(f"not a training configuration: {fault}", source=source) from fault


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """`["lr=1e-3", "augmentation.flip=0"]` -> `{"lr": 1e-3, "augmentation": {"flip": 0}}`.

    Values are TOML; what is not is taken as text, so that `optimiser=sgd` needs no quotes.

    Raises:
        UsageError: no `=` in it, or no key.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set takes key=value, got {setting!r}")
        try:
            one = tomllib.loads(f"{key} = {value}")
        except tomllib.TOMLDecodeError:
            one = _text(key.strip(), value.strip())
        values = _merged(values, one)
    return values


def _text(key: str, value: str) -> dict[str, Any]:
    first, dot, rest = key.partition(".")
    return {first: _text(rest, value) if dot else value}


def _read(source: str | Path) -> dict[str, Any]:
    """The raw values of a preset or file, on top of the preset it starts from."""
    known = presets()
    if str(source) in known:
        return tomllib.loads(resources.files("omentum.train").joinpath("presets", f"{source}.toml").read_text("utf-8"))
    path = Path(source)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        remedy = f"give a TOML file or one of the presets {', '.join(known)}"
        raise UsageError("no such file or preset", source=source, remedy=remedy) from fault
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise UsageError(str(fault), source=source) from fault
    base = raw.pop(PRESET, None)
    if base is not None and base not in known:
        raise UsageError(f"knows no preset {base!r}", source=source, remedy=f"presets are {', '.join(known)}")
    raw = _resolved(raw, path.parent)
    return raw if base is None else _merged(_read(base), raw)


def _collection(place: Path) -> dict[str, str]:
    """A store is known by its manifest; everything else is a folder of cases."""
    return {"store" if (place / MANIFEST).exists() else "folder": str(place.resolve())}


def _resolved(raw: dict[str, Any], here: Path) -> dict[str, Any]:
    """Paths made absolute."""
    out = dict(raw)
    for table, names in (("data", ("folder", "store")), ("pairs", ("image", "labels"))):
        if isinstance(out.get(table), list):
            out[table] = [_absolute(entry, names, here) for entry in out[table]]
    named = str(out.get("init")) in catalogue()  # weights with a name are no path
    return _absolute(out, ("structures", "split") if named else ("init", "structures", "split"), here)


def _absolute(entry: Any, names: Iterable[str], here: Path) -> Any:
    if not isinstance(entry, dict):
        return entry
    given = {name: entry.get(name) for name in names}
    return entry | {
        name: str((here / path).resolve()) for name, path in given.items() if path and isinstance(path, str)
    }


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged key by key, everything else is replaced; `parameters` belong to one backbone, so as a whole."""
    out = dict(base)
    for key, value in over.items():
        both_tables = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        other_network = key == "parameters" and over.get("backbone", base.get("backbone")) != base.get("backbone")
        out[key] = _merged(out[key], value) if both_tables and not other_network else value
    return out


def _tables(raw: Mapping[str, Any], name: str, source: str | Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """The tables of a table, by their keys."""
    found = raw.get(name, {})
    if not isinstance(found, Mapping) or not all(isinstance(table, Mapping) for table in found.values()):
        raise UsageError(f"{name} is a table of tables, got {found!r}", source=source, remedy=f"write [{name}.KEY]")
    return found.items()


def _list(raw: Mapping[str, Any], name: str, source: str | Path) -> Iterable[Any]:
    found = raw.get(name, ())
    if not isinstance(found, list | tuple):
        raise UsageError(f"{name} is a list of tables, got {found!r}", source=source, remedy=f"write [[{name}]]")
    return found


def _typed(kind: type[Any], raw: Any, source: str | Path) -> Any:
    """The dataclass with lists made tuples, and values of the kind that its defaults or its annotations are."""
    if not isinstance(raw, Mapping):
        raise UsageError(f"a table of settings is wanted, got {raw!r}", source=source)
    values = {key: _tuple(value) for key, value in raw.items()}
    for entry in dataclasses.fields(kind):
        if entry.name not in values:
            continue
        value = values[entry.name]
        if entry.default is not dataclasses.MISSING:
            values[entry.name] = _like(entry.default, value, f"{entry.name}", source)
        elif str(entry.type) == "str" and not isinstance(value, str):
            raise UsageError(f"{entry.name} is a str, got {value!r}", source=source)
        elif str(entry.type).startswith("Mapping") and not isinstance(value, Mapping):
            raise UsageError(f"{entry.name} is a table, got {value!r}", source=source)
    return kind(**values)


def _like(default: Any, value: Any, name: str, source: str | Path) -> Any:
    """The value, a whole number made a float where a float is wanted."""
    if isinstance(default, tuple) and default:
        if not isinstance(value, tuple) or len(value) != len(default):
            raise UsageError(f"{name} takes {len(default)} numbers, got {value!r}", source=source)
        return tuple(_like(d, v, name, source) for d, v in zip(default, value, strict=True))
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise UsageError(f"{name} is a {type(default).__name__}, got {value!r}", source=source)
    return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
