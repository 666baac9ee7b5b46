"""store.json: contents, sources, options and licences of a store, assembled from smaller files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omentum.anatomy.structure_rows import carried_rows
from omentum.atomic import json_text, write_json
from omentum.data.datasets.recipe_catalogue import Recipe
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.store import DATASETS, MANIFEST
from omentum.data.store.stored_case import StoredCase
from omentum.schemas import Schema, stamped

_PROVENANCE = ("title", "homepage", "licence", "citation", "label_noise")


def describe_datasets(out: Path, recipes: Mapping[str, Recipe], failed: Mapping[str, Mapping[str, str]]) -> None:
    """Write one file per dataset with its source, licence, and the cases that failed with their reasons.

    Args:
        out: Folder of the store.
        recipes: Recipes by key.
        failed: Recipe key -> case name -> reason.
    """
    for key, recipe in recipes.items():
        told = {name: getattr(recipe, name) for name in _PROVENANCE}
        _write(out / DATASETS / f"{key}.json", Schema.STORED_DATASET, told | {"failed": dict(failed.get(key, {}))})


def write_manifest(out: Path, options: StoreOptions, cases: Sequence[StoredCase]) -> None:
    """Write store.json.

    Args:
        out: Folder of the store, with its datasets already described.
        options: Options of the store.
        cases: All cases, by name.
    """
    keys = sorted({case.dataset for case in cases} | {path.stem for path in (out / DATASETS).glob("*.json")})
    own = carried_rows(options.classes)
    made_like: dict[str, Any] = {name: value for name, value in asdict(options).items() if name != "classes"}
    _write(
        out / MANIFEST,
        Schema.STORE,
        {
            "classes": options.classes,
            **({"structures": own} if own else {}),
            "options": made_like,
            "datasets": {key: json.loads((out / DATASETS / f"{key}.json").read_bytes()) for key in keys},
            "cases": [case.to_json() for case in cases],
        },
    )


def _write(path: Path, schema: Schema, content: Mapping[str, Any]) -> None:
    """Write the file only if its content differs, so that a run without changes touches nothing."""
    document = stamped(schema, content)
    if not path.exists() or path.read_bytes() != json_text(document).encode():
        write_json(path, document)
