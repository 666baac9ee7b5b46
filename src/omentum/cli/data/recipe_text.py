"""Recipes as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from omentum.anatomy import STRUCTURES
from omentum.data.datasets.recipe import CaseRule, Recipe, Target
from omentum.formatting import counted

if TYPE_CHECKING:
    from rich.console import Console

    from omentum.data.datasets.raw_case import DatasetCases

PIPED_WIDTH = 160
"""Table width in columns if the output is not a terminal."""


def description(recipe: Recipe, found: DatasetCases | None = None) -> dict[str, Any]:
    """Content of a recipe and of the cases found with it, as JSON values."""
    texts = {name: getattr(recipe, name) for name in ("key", "title", "homepage", "licence", "citation", "cases")}
    said = texts | {
        "patient": recipe.patient,
        "layout": [vars(layout) for layout in recipe.layout],
        "values": {str(value): _target(target) for value, target in recipe.values.items()},
        "masks": {pattern: _target(target) for pattern, target in recipe.masks.items()},
        "ignored": _sorted(recipe.ignored),
        "annotated": _in_order(recipe.annotated),
        "annotated_if_present": _in_order(recipe.annotated_if_present),
        "healthy": _in_order(recipe.healthy),
        "rules": [_rule(rule) for rule in recipe.rules],
        "reuse": recipe.reuse,
        "label_noise": recipe.label_noise,
    }
    return said if found is None else said | {"found": _found(found)}


def print_recipes(recipes: Iterable[Recipe]) -> None:
    """Print a table with one row per dataset."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("dataset", no_wrap=True)
    table.add_column("cases", justify="right")
    table.add_column("structures", justify="right")
    table.add_column("title")
    table.add_column("licence")
    for recipe in recipes:
        counts = str(recipe.cases or "?"), str(len(recipe.annotated))
        table.add_row(recipe.key, *counts, recipe.title, recipe.licence)
    _console().print(table)


def print_recipe(recipe: Recipe, found: DatasetCases | None = None) -> None:
    """Print the details of one dataset, one topic per line."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for name, text in _lines(recipe, found):
        table.add_row(name, text)
    _console().print(table)


def _lines(recipe: Recipe, found: DatasetCases | None) -> Iterable[tuple[str, str]]:
    yield recipe.key, recipe.title
    for name in ("homepage", "licence", "citation"):
        yield name, getattr(recipe, name) or "not stated"
    yield "cases", str(recipe.cases or "not stated")
    yield "patients", recipe.patient
    for layout in recipe.layout:
        yield "files", f"{layout.image} ({layout.image_kind}), {layout.labels} ({layout.label_kind})"
    for native, target in (*recipe.values.items(), *recipe.masks.items()):
        yield f"  {native}", _meaning(target)
    yield "ignored", ", ".join(map(str, _sorted(recipe.ignored))) or "nothing"
    yield "annotated", ", ".join(_in_order(recipe.annotated))
    if recipe.annotated_if_present:
        yield "if present", ", ".join(_in_order(recipe.annotated_if_present))
    if recipe.healthy:
        yield "known absent", ", ".join(_in_order(recipe.healthy))
    for rule in recipe.rules:
        yield f"  {', '.join(rule.ids)}", "; ".join(_consequences(rule))
    yield "shared with", recipe.reuse or "not stated"
    yield "label noise", recipe.label_noise or "not stated"
    if found is not None:
        cases, unpaired = counted(len(found.cases), "case"), counted(len(found.unpaired), "file")
        yield "found", f"{cases}, {len(found.skipped)} skipped, {unpaired} unpaired"
        yield from ((f"  {case_id}", f"skipped: {reason}") for case_id, reason in found.skipped.items())
        yield from (("  unpaired", str(path)) for path in found.unpaired)


def _meaning(target: Target) -> str:
    if target.unknown:
        return f"{target.unknown}: what it touches is not annotated"
    return " + ".join([*_in_order(target.structures), *(f"{pair} (by side)" for pair in sorted(target.pairs))])


def _consequences(rule: CaseRule) -> Iterable[str]:
    if rule.skip:
        yield f"skipped: {rule.skip}"
    if rule.annotated is not None:
        yield f"only {', '.join(_in_order(rule.annotated))}"
    if rule.healthy:
        yield f"known not to have {', '.join(_in_order(rule.healthy))}"
    if rule.suspect:
        yield rule.suspect
    if rule.patient:
        yield f"patient {rule.patient}"


def _target(target: Target) -> dict[str, Any]:
    said = {"structures": _in_order(target.structures), "pairs": sorted(target.pairs)}
    return said | ({"unknown": target.unknown} if target.unknown else {})


def _rule(rule: CaseRule) -> dict[str, Any]:
    annotated = None if rule.annotated is None else _in_order(rule.annotated)
    said = {"annotated": annotated, "skip": rule.skip, "suspect": rule.suspect, "patient": rule.patient}
    said |= {"healthy": _in_order(rule.healthy)}
    return {"ids": list(rule.ids)} | {name: value for name, value in said.items() if value}


def _found(found: DatasetCases) -> dict[str, Any]:
    return {
        "cases": [{"id": case.id, "image": str(case.image), "labels": str(case.labels[0])} for case in found.cases],
        "skipped": dict(found.skipped),
        "unpaired": [str(path) for path in found.unpaired],
    }


def _in_order(keys: Iterable[str]) -> list[str]:
    """Structure keys in the order of the template."""
    return sorted(keys, key=STRUCTURES.keys.index)


def _sorted(ignored: Iterable[int | str]) -> list[int | str]:
    return sorted(ignored, key=lambda known: (isinstance(known, str), known))


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    return console
