"""The weights that have a name, read from catalogue.toml, and where their files lie on this machine."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from omentum.errors import UsageError
from omentum.home import WEIGHTS, home


@dataclass(frozen=True)
class Origin:
    """Who made weights: licence (SPDX), the terms in words, what to cite."""

    licence: str
    citation: str
    terms: str = ""


@dataclass(frozen=True)
class CatalogueEntry:
    """One set of weights; see the head of catalogue.toml for the meaning of each field."""

    name: str
    title: str
    origin: Origin
    resource: str = ""
    address: str = ""
    digest: str = ""
    size_bytes: int | None = None

    @property
    def path(self) -> Path:
        """Where the safetensors file is, or would be once pulled."""
        if self.resource:
            return Path(str(resources.files("omentum") / "resources" / self.resource))
        return weights_folder() / f"{self.name}.safetensors"

    @property
    def here(self) -> bool:
        """Whether it can be used without the network."""
        return self.path.is_file()


@cache
def catalogue() -> dict[str, CatalogueEntry]:
    """Every named set of weights, in the file's order."""
    rows = _table()["weights"]
    return {
        name: CatalogueEntry(**{**row, "name": name, "origin": origin(row["origin"])}) for name, row in rows.items()
    }


def list_weights() -> list[CatalogueEntry]:
    """Every named set of weights, in the file's order; `here` says whether it is on this machine."""
    return list(catalogue().values())


@cache
def origin(name: str) -> Origin:
    """Where weights of a name come from: one row of catalogue.toml."""
    return Origin(**_table()["origins"][name])


@cache
def _table() -> dict[str, dict[str, dict[str, Any]]]:
    return tomllib.loads((resources.files("omentum.model") / "catalogue.toml").read_text(encoding="utf-8"))


def find(name: str) -> CatalogueEntry:
    """The entry with a name.

    Raises:
        UsageError: there is none; the message suggests similar names.
    """
    if name not in catalogue():
        close = difflib.get_close_matches(name, list(catalogue()), n=1)
        meant = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(catalogue())}"
        raise UsageError(f"no weights are called {name!r}", remedy=meant)
    return catalogue()[name]


def weights_folder() -> Path:
    """The folder for downloaded weights, below OMENTUM_HOME (default ~/.cache/omentum); it may not exist yet."""
    return home() / WEIGHTS
