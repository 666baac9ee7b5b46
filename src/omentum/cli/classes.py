"""`omentum classes`: structures that can be requested, their synonyms, and what words are understood to mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from omentum.anatomy import STRUCTURES, Structure
from omentum.cli.class_map import show_class_map
from omentum.cli.option_table import Json, Overwrite
from omentum.cli.structures_option import StructuresFile
from omentum.cli.words import Explain, explain_classes
from omentum.errors import UsageError
from omentum.schemas import Schema, stamped
from omentum.spec import Trust

PIPED_WIDTH = 200
"""Table width in columns if the output is not a terminal."""


def classes(
    as_json: Json = False,
    structures: StructuresFile = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "-w", "--weights", metavar="WEIGHTS", help="only what these weights find, and how far to trust it"
        ),
    ] = None,
    map_of: Annotated[
        str | None, typer.Option("--map", metavar="WEIGHTS", help="how alike the classes are to these weights")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="of --map: .png or .svg to draw")
    ] = None,
    overwrite: Overwrite = False,
    explain: Explain = None,
) -> None:
    """List the structures: number, key, name, kind, side, hosts, SNOMED CT code and synonyms.

    With --explain, say instead what words are understood to mean, as --classes of the other commands does.
    """
    if explain is not None and map_of is not None:
        raise UsageError("--explain and --map are two questions", remedy="ask one after the other")
    if out is not None and map_of is None:
        raise UsageError("-o names the picture of --map", remedy="omentum classes --map WEIGHTS -o map.png")
    if explain is not None:
        return explain_classes(explain, as_json=as_json, weights=weights)
    if map_of is not None:
        return show_class_map(map_of, out, as_json=as_json, overwrite=overwrite)
    trust = None if weights is None else _known_to(weights)
    rows = list(STRUCTURES) if trust is None else [STRUCTURES[key] for key in trust]
    if as_json:
        content = stamped(Schema.CLASSES, {"structures": [_description(row, trust) for row in rows]})
        print(json.dumps(content, indent=1, ensure_ascii=False))
    else:
        _print_table(rows, trust)


def _known_to(weights: str) -> dict[str, Trust]:
    """Classes of the weights in the order of the outputs, with their reliability."""
    from omentum.model import load_model

    return load_model(weights).spec.trust


def _description(row: Structure, trust: Mapping[str, Trust] | None) -> dict[str, Any]:
    trust_columns = {} if trust is None else {"trust": trust[row.key]}
    return (
        asdict(row)
        | trust_columns
        | {
            "snomed_category": asdict(row.snomed_category),
            "snomed_modifier": None if row.snomed_modifier is None else asdict(row.snomed_modifier),
        }
    )


def _print_table(rows: Sequence[Structure], trust: Mapping[str, Trust] | None) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("no", justify="right")
    known = [] if trust is None else ["with these weights"]
    for title in ("key", "name", *known, "kind", "side", "in", "SNOMED CT", "also called"):
        # Never wrap keys, which users copy into --classes.
        table.add_column(title, no_wrap=title in ("key", "SNOMED CT"))
    for row in rows:
        hosts = ", ".join(row.hosts)
        words = ", ".join(row.synonyms)
        trust_columns = [] if trust is None else [trust[row.key]]
        about = (row.kind, row.side or "", hosts, row.snomed.code, words)
        table.add_row(str(row.index), row.key, row.display, *trust_columns, *about)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table)
    for row in rows:
        if row.note:
            console.print(f"{row.key}: {row.note}", markup=False, soft_wrap=True)
