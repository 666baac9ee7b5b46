"""Licences of training data: as stated by recipes or by the configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from omentum.data.store.store import read_manifest
from omentum.io.truth import DESCRIPTION
from omentum.model.terms import Terms


def of_store(store: Path, datasets: Iterable[str]) -> list[Terms]:
    """Licences of datasets in a store, as stated by their recipes.

    Raises:
        InputError: There is no store.
    """
    known = read_manifest(store).get("datasets", {})
    rows = [(key, known.get(key, {})) for key in datasets]
    return [Terms(row.get("title") or key, row.get("licence", ""), row.get("citation", "")) for key, row in rows]


def of_folder(folder: Path, licence: str) -> list[Terms]:
    """Licence of a folder of cases, as configured; phantoms need none."""
    if not licence and all(map(_is_made_up, folder.glob(f"*/{DESCRIPTION}"))):
        return []
    return [Terms(folder.name, licence)]


def _is_made_up(description: Path) -> bool:
    try:
        return bool(json.loads(description.read_bytes())["facts"].get("body") == "procedural")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False
