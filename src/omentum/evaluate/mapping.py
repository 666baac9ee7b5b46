"""What the numbers of somebody else's label map mean in our words, and where their names cover several of ours.

A mapping is data: a file packaged in `mappings/` (by its name), or the user's own TOML or JSON file.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError, UsageError

_PACKAGED = resources.files("omentum.evaluate") / "mappings"


@dataclass(frozen=True)
class LabelMapping:
    """How to read a foreign label map.

    Args:
        labels: Label value -> structure keys; values may share a structure (lung lobes), and a value may mean several
            (a cyst in the left kidney is kidney as well).
        unions: Structure key -> keys of ours that the foreign name covers too; in a comparison they count as it.
    """

    labels: Mapping[int, tuple[str, ...]]
    unions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def packaged_mappings() -> tuple[str, ...]:
    """Names that `load_mapping` knows without a file."""
    return tuple(sorted(Path(f.name).stem for f in _PACKAGED.iterdir() if f.name.endswith(".toml")))


def load_mapping(name: str | Path) -> LabelMapping:
    """A packaged mapping by name, or a file: JSON {"1": "spleen", "10": ["left_lung"]}, or JSON/TOML with `labels`
    and `unions` tables (see mappings/totalsegmentator.toml).

    Raises:
        InputError: no such mapping, or the file cannot be read as one.
        UsageError: a structure in it is unknown.
    """
    if str(name) in packaged_mappings():
        return _mapping(tomllib.loads((_PACKAGED / f"{name}.toml").read_text(encoding="utf-8")), name)
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except FileNotFoundError as fault:
        known = ", ".join(packaged_mappings())
        raise InputError("no such mapping", source=path, remedy=f"a file, or one of: {known}") from fault
    except (OSError, ValueError) as fault:
        raise InputError(f"cannot be read as a mapping: {fault}", source=path) from fault
    return _mapping(raw, path)


def _mapping(raw: Any, source: str | Path) -> LabelMapping:
    if not isinstance(raw, dict):
        raise InputError("is not a table of label values", source=source, remedy='write {"1": "spleen", ...}')
    labels, unions = (raw["labels"], raw.get("unions", {})) if "labels" in raw else (raw, {})
    if not isinstance(labels, dict) or not isinstance(unions, dict) or not labels:
        raise InputError("has no table of label values", source=source, remedy='write {"1": "spleen", ...}')
    return LabelMapping(
        {_value(value, source): _keys(names, source) for value, names in labels.items()},
        {_keys(name, source)[0]: _keys(parts, source) for name, parts in unions.items()},
    )


def _value(text: str, source: str | Path) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{text!r} is no label value", source=source, remedy='write {"1": "spleen", ...}') from None


def _keys(names: Any, source: str | Path) -> tuple[str, ...]:
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{names!r} is no structure name or list of them", source=source)
    try:
        return tuple(STRUCTURES.find(name).key for name in names)
    except UsageError as fault:
        raise UsageError(fault.reason, source=source, remedy=fault.remedy) from fault
