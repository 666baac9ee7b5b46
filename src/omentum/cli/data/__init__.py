"""`omentum data`: supported datasets and their labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from omentum.cli.data import audit, check, prepare, split, stats
from omentum.cli.data.recipe_text import description, print_recipe, print_recipes
from omentum.cli.option_table import Json
from omentum.schemas import Schema, stamped

app = typer.Typer(
    help="Datasets for training: list and show recipes, check raw data, prepare a store, split it by patient.",
    no_args_is_help=True,
)
app.command(epilog="Example: omentum data prepare --dataset lits=/data/LiTS -o store/ -j 4")(prepare.prepare)
app.command(epilog="Example: omentum data stats store/ --picture annotated.png")(stats.stats)
app.command(epilog="Example: omentum data split store/ -o splits.json --folds 5 --test 0.2")(split.split)


@app.command("list", epilog="Example: omentum data list --json")
def list_datasets(as_json: Json = False) -> None:
    """List the datasets with a bundled recipe."""
    from omentum.data.datasets.recipe_catalogue import bundled_recipes

    recipes = bundled_recipes().values()
    if as_json:
        content = stamped(Schema.DATASETS, {"datasets": [description(recipe) for recipe in recipes]})
        print(json.dumps(content, indent=1, ensure_ascii=False))
    else:
        print_recipes(recipes)


@app.command(epilog="Example: omentum data show lits /data/LiTS")
def show(
    dataset: Annotated[
        str, typer.Argument(help="a name of omentum data list, a recipe's .toml, or an nnU-Net v2 folder")
    ],
    root: Annotated[Path | None, typer.Argument(help="also count the cases in this folder")] = None,
    as_json: Json = False,
) -> None:
    """Show one dataset: its labels, annotated structures, files, and exceptions."""
    from omentum.data.datasets.find import find_dataset
    from omentum.data.datasets.raw_case import find_cases

    recipe = find_dataset(dataset)
    found = None if root is None else find_cases(recipe, root)
    if as_json:
        print(json.dumps(stamped(Schema.DATASET, description(recipe, found)), indent=1, ensure_ascii=False))
    else:
        print_recipe(recipe, found)


app.command(epilog="Example: omentum data audit store/ -o audit/")(audit.audit)
app.command(epilog="Example: omentum data check --dataset lits=/data/LiTS -j 4 --json-file check.json")(check.check)
