"""Find a dataset's recipe by key, by recipe file, or by a folder that contains a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from omentum.data.datasets import nnunet
from omentum.data.datasets.raw_case import DatasetCases, find_cases
from omentum.data.datasets.recipe_catalogue import FOLDER_FILE, Recipe, bundled_recipes, find_recipe
from omentum.errors import UsageError


def find_dataset(name_or_path: str | Path) -> Recipe:
    """The recipe of a dataset.

    Args:
        name_or_path: A key of `omentum data list`, a recipe's .toml, an nnU-Net v2 dataset.json, or a folder that holds
            a recipe.toml or a dataset.json.

    Raises:
        UsageError: No recipe matches; the message suggests the closest name.
        InputError: The file is not a valid recipe.
    """
    path = Path(name_or_path)
    if str(name_or_path) not in bundled_recipes():
        if path.name == nnunet.FILE_NAME:
            return nnunet.nnunet_recipe(path)
        if (path / nnunet.FILE_NAME).is_file() and not (path / FOLDER_FILE).is_file():
            return nnunet.nnunet_recipe(path / nnunet.FILE_NAME)
    return find_recipe(name_or_path)


Datasets = Mapping[str, str | Path | DatasetCases]
"""Name of a dataset (see `find_dataset`) -> the folder it lies in, or the cases that were found there."""


def find_all_cases(datasets: Datasets) -> dict[str, DatasetCases]:
    """Find the cases of several datasets.

    Args:
        datasets: Dataset name -> folder. Values that already are cases are returned unchanged.

    Returns:
        Dataset name -> its cases, in the same order.

    Raises:
        UsageError: A dataset is unknown, or there is no mapping of names to folders.
        InputError: A recipe is invalid, or a folder contains no case of its dataset.
    """
    if not isinstance(datasets, Mapping):
        raise UsageError(f"datasets are a mapping, got {datasets!r}", remedy='{"lits": "/data/LiTS"}')
    return {
        name: found if isinstance(found, DatasetCases) else find_cases(find_dataset(name), Path(found))
        for name, found in datasets.items()
    }
