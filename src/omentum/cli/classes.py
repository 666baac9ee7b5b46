"""`omentum classes`: what can be asked for, and by which words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from omentum.anatomy import STRUCTURES, Structure
from omentum.cli.structures_option import StructuresFile

PIPED_WIDTH = 200
"""Columns when nobody's terminal limits them."""


def classes(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    structures: StructuresFile = None,
    weights: Annotated[str | None, typer.Option(help="Only what these weights find, by name or file.")] = None,
) -> None:
    """List the structures: number, key, name, kind, side, hosts, SNOMED CT code and synonyms."""
    rows = list(STRUCTURES) if weights is None else _known_to(weights)
    if as_json:
        print(json.dumps([_description(row) for row in rows], indent=1, ensure_ascii=False))
    else:
        _print_table(rows)


def _known_to(weights: str) -> list[Structure]:
    """In the order of the outputs."""
    from omentum.model import load_model

    return [STRUCTURES[key] for key in load_model(weights).spec.class_keys]


def _description(row: Structure) -> dict[str, Any]:
    return asdict(row) | {
        "snomed_category": asdict(row.snomed_category),
        "snomed_modifier": None if row.snomed_modifier is None else asdict(row.snomed_modifier),
    }


def _print_table(rows: Sequence[Structure]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("no", justify="right")
    for title in ("key", "name", "kind", "side", "in", "SNOMED CT", "also called"):
        # A key is what users copy into --classes: never folded.
        table.add_column(title, no_wrap=title in ("key", "SNOMED CT"))
    for row in rows:
        hosts = ", ".join(row.hosts)
        words = ", ".join(row.synonyms)
        table.add_row(str(row.index), row.key, row.display, row.kind, row.side or "", hosts, row.snomed.code, words)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table)
    for row in rows:
        if row.note:
            console.print(f"{row.key}: {row.note}", markup=False, soft_wrap=True)
