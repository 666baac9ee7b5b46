"""An extension as text: a table of structures, and the six axes in a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omentum.train.extend.comparison import Axes, Extension, StructureChange

HEAD = ("structure", "before", "after", "change", "cases", "measured against")
AGAINST = {"truth": "truth", "parent": "the parent's own prediction", "nothing": "no case"}


def format_extension(extension: Extension) -> str:
    """Several lines: one per structure, then the axes."""
    rows = [HEAD, *(_row(row) for row in extension.structures)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *_axes(extension.axes, extension)])


def _row(row: StructureChange) -> tuple[str, ...]:
    change = "" if row.before is None or row.after is None else f"{row.after - row.before:+.3f}"
    name = f"{row.key} (new)" if row.is_new else row.key
    return name, _number(row.before), _number(row.after), change, str(row.cases), AGAINST[row.reference]


def _axes(axes: Axes, extension: Extension) -> list[str]:
    cost = "" if axes.passes == 1 else f", {axes.passes} passes through the network for all structures"
    return [
        f"performance             {_number(axes.performance)}  mean Dice of all structures",
        f"forgetting              {_number(axes.forgetting)}  mean Dice lost, at most {_number(axes.worst_forgetting)}",
        f"plasticity              {_number(axes.plasticity)}  mean Dice of the new structures",
        f"forward generalisation  {_number(axes.forward_generalisation)}  the same from their words alone, untrained",
        f"parameter growth        {axes.parameter_growth:.1%}{cost}",
        f"replay burden           {axes.replayed_cases} cases; {len(extension.pseudo_labels)} with pseudo-labels",
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
