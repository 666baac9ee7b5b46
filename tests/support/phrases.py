"""Phrases of users with what they mean (tests/anatomy/vocabulary/*.toml), for tests and benchmarks."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "anatomy" / "vocabulary"


@dataclass(frozen=True)
class Phrase:
    """A phrase, where it comes from, and the keys it means; none for one that has to be refused."""

    source: str
    text: str
    keys: frozenset[str]


def phrases(name: str) -> list[Phrase]:
    """All phrases of a file: phrases, fresh, later or development."""
    tables = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    sets = tables.pop("sets")
    return [
        Phrase(source, text, frozenset((sets[meant[1:]] if meant.startswith("@") else meant).split()))
        for source, rows in tables.items()
        for text, meant in rows.items()
    ]
