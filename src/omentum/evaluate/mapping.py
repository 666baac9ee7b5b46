"""What the numbers of somebody else's label map mean in our words, and where their names cover several of ours.

A mapping is data: a file packaged in `mappings/` (by its name), a dataset's recipe (by its key, or a recipe file), or
the user's own TOML or JSON file.
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
from omentum.anatomy.pairs import PAIRS, find_pair
from omentum.data.datasets.recipe import Recipe
from omentum.data.datasets.recipe_catalogue import FOLDER_FILE, bundled_recipes, find_recipe
from omentum.errors import InputError, UsageError

_PACKAGED = resources.files("omentum.evaluate") / "mappings"


@dataclass(frozen=True)
class LabelMapping:
    """How to read a foreign label map.

    Args:
        labels: Label value -> structure keys; values may share a structure (lung lobes), and a value may mean several
            (a cyst in the left kidney is kidney as well).
        unions: Structure key -> keys of ours that the foreign name covers too; in a comparison they count as it.
        name: For people.
        joined: Pairs that have one number for both sides ("kidneys"): both structures get its voxels, and the two are
            evaluated as one.
        unknown: Values of what belongs to some structure, nobody knows to which; see `Target.unknown`.
        recipe: The dataset whose numbers they are, if it has a recipe: what was looked for in which case.
    """

    labels: Mapping[int, tuple[str, ...]]
    unions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    name: str = ""
    joined: frozenset[str] = frozenset()
    unknown: frozenset[int] = frozenset()
    recipe: Recipe | None = None

    @property
    def structures(self) -> frozenset[str]:
        """Keys that have a number."""
        return frozenset(key for keys in self.labels.values() for key in keys)


def packaged_mappings() -> tuple[str, ...]:
    """Names that `load_mapping` knows without a file."""
    return tuple(sorted(Path(f.name).stem for f in _PACKAGED.iterdir() if f.name.endswith(".toml")))


def load_mapping(name: str | Path) -> LabelMapping:
    """Read a packaged mapping or a bundled recipe by its name, or a file.

    A file is JSON such as {"1": "spleen", "10": ["left_lung"]}, JSON or TOML with the tables `labels` and `unions` (see
    mappings/totalsegmentator.toml), a recipe, or a folder with a recipe.toml.

    Raises:
        InputError: no such mapping, or the file cannot be read as one.
        UsageError: a structure in it is unknown, or a recipe has masks and no numbers.
    """
    if str(name) in packaged_mappings():
        return _mapping(tomllib.loads((_PACKAGED / f"{name}.toml").read_text(encoding="utf-8")), name)
    if str(name) in bundled_recipes():
        return recipe_mapping(bundled_recipes()[str(name)])
    path = Path(name)
    if (path / FOLDER_FILE).is_file():
        return recipe_mapping(find_recipe(path))
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except FileNotFoundError as fault:
        with_numbers = {key for key, recipe in bundled_recipes().items() if recipe.values}
        known = ", ".join(sorted({*packaged_mappings(), *with_numbers}))
        raise InputError("no such mapping", source=path, remedy=f"a file, or one of: {known}") from fault
    except (OSError, ValueError) as fault:
        raise InputError(f"cannot be read as a mapping: {fault}", source=path) from fault
    if isinstance(raw, dict) and "values" in raw and "labels" not in raw:
        return recipe_mapping(find_recipe(path))
    return _mapping(raw, path)


def recipe_mapping(recipe: Recipe) -> LabelMapping:
    """The numbers of a dataset's label maps.

    Raises:
        UsageError: it has masks, and no numbers.
    """
    known = {value: target for value, target in recipe.values.items() if not target.unknown}
    if not known:
        raise UsageError("has masks and no numbers", source=recipe.key, remedy="prepare it as a store")
    return LabelMapping(
        {value: tuple(key for key in STRUCTURES.keys if key in target.gives) for value, target in known.items()},
        name=recipe.key,
        joined=frozenset(pair for target in known.values() for pair in target.pairs),
        unknown=frozenset(recipe.values.keys() - known.keys()),
        recipe=recipe,
    )


def _mapping(raw: Any, source: str | Path) -> LabelMapping:
    if not isinstance(raw, dict):
        raise InputError("is not a table of label values", source=source, remedy='write {"1": "spleen", ...}')
    labels, unions = (raw["labels"], raw.get("unions", {})) if "labels" in raw else (raw, {})
    if not isinstance(labels, dict) or not isinstance(unions, dict) or not labels:
        raise InputError("has no table of label values", source=source, remedy='write {"1": "spleen", ...}')
    pairs = {find_pair(word) for names in labels.values() for word in _words(names, source)}
    return LabelMapping(
        {_value(value, source): _keys(names, source) for value, names in labels.items()},
        {_keys(name, source)[0]: _keys(parts, source) for name, parts in unions.items()},
        name=str(source),
        joined=frozenset(pair for pair in pairs if pair),
    )


def _value(text: str, source: str | Path) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{text!r} is no label value", source=source, remedy='write {"1": "spleen", ...}') from None


def _words(names: Any, source: str | Path) -> list[str]:
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{names!r} is no structure name or list of them", source=source)
    return names


def _keys(names: Any, source: str | Path) -> tuple[str, ...]:
    found: list[str] = []
    try:
        for name in _words(names, source):
            pair = find_pair(name)
            found += PAIRS[pair] if pair else [STRUCTURES.find(name).key]
        return tuple(found)
    except UsageError as fault:
        fault.source = source
        raise
