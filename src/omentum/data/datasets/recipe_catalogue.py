"""Look up recipes by name: bundled ones and user files; docs/how-to/add-a-dataset.md describes the format."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from omentum.data.datasets.recipe import CaseRule, FileLayout, ImageKind, LabelKind, Recipe, Target
from omentum.data.datasets.recipe_toml import parse_recipe
from omentum.errors import InputError, UsageError

__all__ = [
    "CaseRule",
    "FileLayout",
    "ImageKind",
    "LabelKind",
    "Recipe",
    "Target",
    "bundled_recipes",
    "find_recipe",
    "load_recipe",
]

FOLDER_FILE = "recipe.toml"
"""A recipe of this name inside a dataset's folder is that folder's recipe, and the folder's name is its key."""


def load_recipe(path: Path) -> Recipe:
    """Read and validate a recipe file.

    Raises:
        InputError: The file cannot be read or is invalid; the message names the field and the remedy.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as fault:
        raise InputError(
            "no such recipe", source=path, remedy="see `omentum data list` for the bundled ones"
        ) from fault
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"cannot be read: {fault}", source=path) from fault
    except tomllib.TOMLDecodeError as fault:
        raise InputError(f"is no valid TOML: {fault}", source=path) from fault
    key = path.absolute().parent.name if path.name == FOLDER_FILE else path.stem
    return parse_recipe(raw, key, path)


@cache
def bundled_recipes() -> Mapping[str, Recipe]:
    """All bundled recipes by key, in alphabetical order."""
    with resources.as_file(resources.files("omentum.data.datasets") / "recipes") as folder:
        return {path.stem: load_recipe(path) for path in sorted(folder.glob("*.toml"))}


def find_recipe(name_or_path: str | Path) -> Recipe:
    """Return a bundled recipe by key, or the recipe in a file or in a folder with a `recipe.toml`.

    Raises:
        UsageError: No recipe matches; the message suggests the closest name.
        InputError: The file is not a valid recipe.
    """
    recipes, name, path = bundled_recipes(), str(name_or_path), Path(name_or_path)
    if name in recipes:
        return recipes[name]
    if path.is_dir() and not (path / FOLDER_FILE).is_file():
        raise UsageError("says nowhere what it holds", source=path, remedy=f"put a {FOLDER_FILE} into it")
    if path.is_dir():
        return load_recipe(path / FOLDER_FILE)
    if path.suffix == ".toml" or path.exists():
        return load_recipe(path)
    close = difflib.get_close_matches(name.lower(), recipes, n=1)
    meant = f"did you mean {close[0]!r}?" if close else "see `omentum data list`, or give a recipe's .toml file"
    raise UsageError(f"unknown dataset {name!r}", remedy=meant)
