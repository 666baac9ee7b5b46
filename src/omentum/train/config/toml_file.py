"""Load a training configuration from a preset, a TOML file and command-line overrides, in order of precedence."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from omentum.data.sampling.augmentation import Augmentation
from omentum.data.store.store import MANIFEST
from omentum.errors import UsageError, warn_of_case
from omentum.model.catalogue import catalogue
from omentum.train.config.case_collections import DataConfig, PairConfig
from omentum.train.config.dataset_settings import DatasetConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.config.values import listed, tables, typed

PRESET = "preset"
"""Key of a file that names the preset it starts from."""
NO_DATA = {"folder": "CASES"}
"""Stands for material that is not named."""


def presets() -> dict[str, str]:
    """Preset name -> its description (the first line of the file)."""
    files = sorted(resources.files("omentum.train.config").joinpath("presets").iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".toml"): file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        for file in files
        if file.name.endswith(".toml")
    }


def load_config(
    source: str | Path, overrides: Mapping[str, Any] | None = None, data: Iterable[str | Path] = ()
) -> TrainConfig:
    """Load a TOML file or a preset.

    Args:
        source: Path of a file, or name of a preset. A file may extend a preset: `preset = "compact"`. Relative paths in
            a file are relative to it; in overrides, to the working directory.
        overrides: Values to replace, with nested tables; see `parse_settings`.
        data: Stores and folders of cases to train on, replacing all [[data]] and [[pairs]] in the file.

    Raises:
        UsageError: The file is unreadable, or a setting is unknown, of a wrong type, or out of range.

    Warns:
        CaseWarning: `data` replaces sources that the file names.
    """
    return config_of(settings_of(source, overrides, data), source)


def settings_of(
    source: str | Path | None, overrides: Mapping[str, Any] | None = None, data: Iterable[str | Path] = ()
) -> dict[str, Any]:
    """Merged raw settings; see `load_config`. Without a source, only overrides and data."""
    raw = {} if source is None else read_settings(source)
    return with_overrides(raw, source, overrides, data)


def with_overrides(
    raw: Mapping[str, Any],
    source: str | Path | None,
    overrides: Mapping[str, Any] | None = None,
    data: Iterable[str | Path] = (),
) -> dict[str, Any]:
    """Raw settings with those of the command line merged over them; see `load_config`."""
    raw = merged(raw, _resolved(dict(overrides or {}), Path()))
    collections = [_collection(Path(place)) for place in data]
    if collections:
        _warn_of_replaced(raw, collections, source)
        raw |= {"data": collections, "pairs": []}
    return raw


def config_of(given: Mapping[str, Any], source: str | Path | None) -> TrainConfig:
    """Validate raw settings; see `load_config`.

    Args:
        given: Result of `settings_of`.
        source: For messages.
    """
    raw = dict(given)
    raw["data"] = tuple(typed(DataConfig, entry, source, "[[data]]") for entry in listed(raw, "data", source))
    raw["pairs"] = tuple(typed(PairConfig, entry, source, "[[pairs]]") for entry in listed(raw, "pairs", source))
    raw["datasets"] = {
        key: typed(DatasetConfig, own, source, f"[datasets.{key}]") for key, own in tables(raw, "datasets", source)
    }
    raw["augmentation"] = typed(Augmentation, raw.get("augmentation", {}), source, "augmentation")
    return typed(TrainConfig, raw, source)


def load_without_data(
    source: str | Path | None, overrides: Mapping[str, Any] | None = None, data: Iterable[str | Path] = ()
) -> tuple[TrainConfig, bool]:
    """Like `load_config`, but allows missing data sources; also returns whether there are any."""
    raw = settings_of(source, overrides, data)
    named = bool(raw.get("data") or raw.get("pairs"))
    return config_of(raw if named else raw | {"data": [NO_DATA]}, source), named


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Parse `["lr=1e-3", "augmentation.flip=0"]` to `{"lr": 1e-3, "augmentation": {"flip": 0}}`.

    Values are TOML; anything else is taken as a string, so that `optimiser=sgd` needs no quotes.

    Raises:
        UsageError: A setting has no `=` or no key.
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
        values = merged(values, one)
    return values


def _text(key: str, value: str) -> dict[str, Any]:
    first, dot, rest = key.partition(".")
    return {first: _text(rest, value) if dot else value}


def read_settings(source: str | Path) -> dict[str, Any]:
    """Raw settings of a preset or file, merged over the preset it extends."""
    base, own = read_file(source)
    return own if base is None else merged(read_settings(base), own)


def read_file(source: str | Path) -> tuple[str | None, dict[str, Any]]:
    """The preset that a file extends, if any, and its own raw settings with absolute paths; or those of a preset."""
    known = presets()
    if str(source) in known:
        text = resources.files("omentum.train.config").joinpath("presets", f"{source}.toml").read_text("utf-8")
        return None, tomllib.loads(text)
    path = Path(source)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        remedy = f"give a TOML file or one of the presets {', '.join(known)}"
        raise UsageError("no such file or preset", source=source, remedy=remedy) from fault
    except UnicodeDecodeError as fault:
        remedy = f"give a TOML file, which names images and labels, or one of the presets {', '.join(known)}"
        raise UsageError("is no text, so it holds no settings", source=source, remedy=remedy) from fault
    except (OSError, tomllib.TOMLDecodeError) as fault:
        raise UsageError(str(fault), source=source) from fault
    base = raw.pop(PRESET, None)
    if base is not None and base not in known:
        raise UsageError(f"knows no preset {base!r}", source=source, remedy=f"presets are {', '.join(known)}")
    return base, _resolved(raw, path.parent)


def _warn_of_replaced(raw: Mapping[str, Any], by: Sequence[Mapping[str, str]], source: str | Path | None) -> None:
    """Warn about sources of the file that are replaced and not trained on."""
    given = {path for entry in by for path in entry.values()}
    told = [
        Path(str(entry.get("folder") or entry.get("store") or entry.get("image"))).name
        for entry in (*listed(raw, "data", source), *listed(raw, "pairs", source))
        if isinstance(entry, Mapping) and given.isdisjoint(map(str, entry.values()))
    ]
    if told:
        text = f"{source}: not trained on, since --data stands in place of it: {', '.join(told)}"
        warn_of_case(text, stacklevel=4)


def _collection(place: Path) -> dict[str, str]:
    """Classify a path: a store if it has a manifest, else a folder of cases."""
    return {"store" if (place / MANIFEST).exists() else "folder": str(place.resolve())}


def _resolved(raw: dict[str, Any], here: Path) -> dict[str, Any]:
    """The same settings with absolute paths."""
    out = dict(raw)
    for table, names in (("data", ("folder", "store")), ("pairs", ("image", "labels"))):
        if isinstance(out.get(table), list):
            out[table] = [_absolute(entry, names, here) for entry in out[table]]
    encoder = out.get("text_encoder")
    if isinstance(encoder, str) and encoder and (here / encoder).exists():  # else it is a name
        out["text_encoder"] = str((here / encoder).resolve())
    named = str(out.get("init")) in catalogue()  # named weights are not a path
    return dict(_absolute(out, ("structures", "split") if named else ("init", "structures", "split"), here))


def _absolute(entry: Any, names: Iterable[str], here: Path) -> Any:
    if not isinstance(entry, dict):
        return entry
    given = {name: entry.get(name) for name in names}
    return entry | {
        name: str((here / path).resolve()) for name, path in given.items() if path and isinstance(path, str)
    }


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge tables key by key and replace all else; changing the backbone drops the old backbone's parameters."""
    out = dict(base)
    if over.get("backbone", backbone := base.get("backbone", TrainConfig.backbone)) != backbone:
        out.pop("parameters", None)
    for key, value in over.items():
        both_tables = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = merged(out[key], value) if both_tables else value
    return out
