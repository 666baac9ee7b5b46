"""Results as Markdown: a table, a figure, a whole page, and the list of what is out of date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from record import Cell, Record, Table

SHOWN = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_vnni": "VNNI", "avx512_bf16": "bf16", "amx_bf16": "AMX"}
NAMED = 3
"""So many of the files that changed are named."""
CROWDED = 1.25
"""A load of so many times the cores means that other work ran."""


def result_page(record: Record) -> str:
    """The page of one result."""
    parts = [f"# {record.title}", origin(record), record.about]
    for name, table in record.tables.items():
        parts += [f"## {name}" if len(record.tables) > 1 else "", drawn(table)]
    if record.values:
        parts.append("\n".join(f"- {name}: {shown(value)}" for name, value in record.values.items()))
    return "\n\n".join(part for part in [*parts, *record.remarks] if part) + "\n"


def drawn(table: Table, columns: Sequence[str] = ()) -> str:
    """A table with what is said around it, or only some of its columns, in that order, and its notes."""
    chosen = [list(table.columns).index(name) for name in columns or table.columns]
    formats = list(table.columns.values())
    head = [list(table.columns)[n] for n in chosen]
    rows = [[cell(row[n], formats[n]) for n in chosen] for row in table.rows]
    lines = [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)]
    return "\n\n".join(part for part in ("" if columns else table.about, "\n".join(lines), *table.notes) if part)


def cell(value: Cell, form: str) -> str:
    """One cell."""
    if value is None:
        return ""
    return value if isinstance(value, str) else form.format(value).replace("%", " %")


def shown(value: Cell) -> str:
    """A figure without a format of its own."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def outdated_page(records: Mapping[str, Record]) -> str:
    """The results that are older than the code they measure.

    Args:
        records: Name -> result.
    """
    rows = []
    for name, record in records.items():
        if changed := record.outdated():
            named, more = [f"`{entry}`" for entry in changed[:NAMED]], len(changed) - NAMED
            told = f"{', '.join(named)}{f' and {more} more' if more > 0 else ''}"
            rows.append(f"| `{name}` | {record.made.get('date', '')} | {record.made.get('commit', '')} | {told} |")
    about = "Measured before the code they measure last changed, see [README.md](README.md#outdated-results)."
    head = ["| result | measured on | at commit | changed since |", "| --- | --- | --- | --- |"]
    return "\n".join(["# Outdated results", "", about, "", *(head + rows if rows else ["None."])]) + "\n"


def origin(record: Record) -> str:
    """Command, date, commit and machine in a sentence."""
    made = record.made
    told = [f"`{made['command']}`", made["date"], f"commit {made['commit']}" if made.get("commit") else ""]
    return ", ".join(part for part in [*told, *described(made.get("machine", {}))] if part) + "."


def described(machine: dict[str, Any]) -> list[str]:
    """What is known of a machine."""
    cores, load = machine.get("cores"), machine.get("load")
    instructions = [SHOWN[name] for name in machine.get("instructions", ())]
    processor = machine.get("processor", "")
    parts = [
        f"{cores} cores" + (f" of {processor}" if processor else "") if cores else processor,
        f"with {', '.join(instructions)}" if instructions else "",
        machine.get("gpu", ""),
        f"torch {machine['torch']}" if "torch" in machine else "",
        f"{machine['threads']} thread{'s' * (machine['threads'] > 1)}" if "threads" in machine else "",
    ]
    if load is not None:
        crowded = cores and load > CROWDED * cores
        parts.append(f"load {load:.1f}{' (other work ran on the same cores)' if crowded else ''}")
    return [part for part in parts if part]
