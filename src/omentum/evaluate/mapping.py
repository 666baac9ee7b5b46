"""Label mappings: meaning of the label values of foreign label maps, and names that cover several of our structures.

A mapping is a file packaged in `mappings/` (by name), a dataset recipe (by key or file), or a TOML or JSON file of the
user.
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
    """Meaning of the label values of a foreign label map.

    Args:
        labels: Label value -> structure keys; several values may map to one structure (lung lobes), and a value to
            several structures (a cyst in the left kidney also belongs to the kidney).
        unions: Structure key -> further keys of ours that the foreign name includes; in a comparison they are merged
            into it.
        name: Display name.
        joined: Pairs with one label value for both sides ("kidneys"): both structures get its voxels and are evaluated
            as one.
        unknown: Values whose structure is unknown; see `Target.unknown`.
        recipe: Recipe of the dataset, if there is one; it says which structures are annotated in which case.
    """

    labels: Mapping[int, tuple[str, ...]]
    unions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    name: str = ""
    joined: frozenset[str] = frozenset()
    unknown: frozenset[int] = frozenset()
    recipe: Recipe | None = None

    @property
    def structures(self) -> frozenset[str]:
        """Keys with a label value."""
        return frozenset(key for keys in self.labels.values() for key in keys)

    def check_names(self, names: Mapping[int, str], path: Path, option: str) -> None:
        """Check the names of label values inside a file; unknown names are ignored.

        Raises:
            UsageError: a name is that of another structure than the mapping's.
        """
        for value, name in names.items():
            if value not in self.labels or not (keys := _structures_called(name)):
                continue
            if not keys & {*self.labels[value]}:
                words = " and ".join(STRUCTURES[key].noun for key in self.labels[value])
                raise UsageError(
                    f"calls value {value} {name!r}, and {option} {self.name} calls it {words}",
                    source=path,
                    remedy=f"leave out {option}: the file names its structures",
                )


def packaged_mappings() -> tuple[str, ...]:
    """Names that `load_mapping` accepts without a file."""
    return tuple(sorted(Path(f.name).stem for f in _PACKAGED.iterdir() if f.name.endswith(".toml")))


def load_mapping(name: str | Path) -> LabelMapping:
    """Load a packaged mapping or bundled recipe by name, or a file.

    A file is JSON such as {"1": "spleen", "10": ["left_lung"]}, JSON or TOML with the tables `labels` and `unions` (see
    mappings/totalsegmentator.toml), a recipe, or a folder with a recipe.toml.

    Raises:
        InputError: no such mapping, or the file cannot be read as one.
        UsageError: an unknown structure, or a recipe with masks instead of label values.
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
    """Mapping of a dataset's label values.

    Raises:
        UsageError: the dataset has masks instead of label values.
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


def _structures_called(name: str) -> frozenset[str]:
    """Keys of a structure, or of both sides of a pair; empty if the name is unknown."""
    pair = find_pair(name)
    if pair:
        return frozenset(PAIRS[pair])
    try:
        return frozenset({STRUCTURES.find(name).key})
    except UsageError:
        return frozenset()


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
