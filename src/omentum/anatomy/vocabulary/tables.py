"""The word tables, as typed values."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from omentum.anatomy.structure import Kind

FOREIGN = ("latin", "german", "french", "spanish", "chinese")
"""Languages whose words are understood as `How.LANGUAGE`."""
ENGLISH = ("english", "datasets")

Words = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Language:
    """Words of one file; words/english.toml describes each column."""

    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    both: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    excepts: tuple[str, ...] = ()
    denials: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    small: tuple[str, ...] = ()
    openers: tuple[str, ...] = ()
    closers: tuple[str, ...] = ()
    traditional: str = ""
    lesions: Words = field(default_factory=dict)
    modifiers: Words = field(default_factory=dict)
    names: Words = field(default_factory=dict)
    adjectives: Words = field(default_factory=dict)
    groups: Words = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GroupRule:
    """What a collective word means."""

    kinds: tuple[Kind, ...] = ()
    keys: tuple[str, ...] = ()


@cache
def languages() -> dict[str, Language]:
    """All languages by name, English first."""
    return {name: Language(**_columns(_read(name))) for name in (*ENGLISH, *FOREIGN)}


@cache
def groups() -> dict[str, GroupRule]:
    """Groups by name."""
    return {name: GroupRule(**_columns(rule)) for name, rule in _read("groups").items()}


@cache
def others() -> dict[str, frozenset[str]]:
    """Words for what is no structure: `parts`, `things`, `lookalikes`."""
    return {name: frozenset(table["words"]) for name, table in _read("others").items()}


def _read(name: str) -> dict[str, Any]:
    place = resources.files("omentum.anatomy.vocabulary") / "words" / f"{name}.toml"
    return tomllib.loads(place.read_text(encoding="utf-8"))


def _columns(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _frozen(value) for name, value in raw.items()}


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return {key: _frozen(inner) for key, inner in value.items()} if isinstance(value, dict) else value
