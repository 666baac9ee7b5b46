"""What files of others call the tensors of our backbones; see the head of layouts.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class TensorLayout:
    """One way to name the tensors; see the head of layouts.toml for the meaning of each field."""

    key: str
    title: str
    backbones: tuple[str, ...]
    names: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...] = ()
    expects: Mapping[str, Any] = field(default_factory=dict)

    def theirs(self, name: str) -> str:
        """The file's name of a tensor of the backbone."""
        for pattern, replacement in self.names:
            name = re.sub(pattern, replacement, name)
        return name

    def ignores(self, name: str) -> bool:
        """Whether a tensor of the file belongs to what our backbones do not have."""
        return any(re.search(pattern, name) for pattern in self.ignored)


@cache
def layouts() -> dict[str, TensorLayout]:
    """Every layout by its key, in the file's order."""
    rows = _table()["layout"]
    return {
        row["key"]: TensorLayout(
            **{
                **row,
                "backbones": tuple(row["backbones"]),
                "names": tuple((ours, theirs) for ours, theirs in row["names"]),
                "ignored": tuple(row.get("ignored", ())),
            }
        )
        for row in rows
    }


def encoder_pattern(backbone: str) -> re.Pattern[str]:
    """Which tensors of a backbone are its encoder."""
    return re.compile(_table()["encoder"][backbone])


def containers() -> tuple[str, ...]:
    """Entries of a file that may hold the tensors."""
    return tuple(_table()["containers"])


def bare(name: str) -> str:
    """A name without what wrappers put before it."""
    for prefix in _table()["prefixes"]:
        if name.startswith(prefix):
            return bare(name.removeprefix(prefix))
    return name


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((resources.files("omentum.model") / "layouts.toml").read_text(encoding="utf-8"))
