"""Load the definition of a second pass from a TOML file and command-line overrides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omentum.train.config.case_collections import DataConfig
from omentum.train.config.toml_file import read_file, settings_of
from omentum.train.config.values import listed, typed
from omentum.train.second_pass.settings import RegionConfig, SecondPassConfig


def is_second_pass(source: str | Path) -> bool:
    """Whether a TOML file (or a preset) has `[[regions]]`.

    Raises:
        UsageError: The file is unreadable.
    """
    _, own = read_file(source)
    return "regions" in own


def load_second_pass(
    source: str | Path, overrides: Mapping[str, Any] | None = None, data: Iterable[str | Path] = ()
) -> SecondPassConfig:
    """Load a TOML file.

    Args:
        source: Path of the file. Relative paths in it are relative to it; in overrides, to the working directory.
        overrides: Values to replace, with nested tables.
        data: Folders of cases to train on, replacing all [[data]] in the file.

    Raises:
        UsageError: The file is unreadable, or a setting is unknown, of a wrong type, or out of range.

    Warns:
        CaseWarning: `data` replaces collections that the file names.
    """
    given = list(data)
    raw = settings_of(source, overrides, given)
    if given:
        raw.pop("pairs")  # replaced as well, and unknown here
    for name, kind in (("data", DataConfig), ("regions", RegionConfig)):
        raw[name] = tuple(typed(kind, entry, source, f"[[{name}]]") for entry in listed(raw, name, source))
    return typed(SecondPassConfig, raw, source)
