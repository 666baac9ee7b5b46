"""What the bundled model finds and how well, put together from the results of real_ct.py and unseen_phantoms.py."""

from __future__ import annotations

from collections.abc import Callable

from record import Cell, Record, Table

NAME = "bundled_model"
"""By which pages ask for it."""
UNSEEN, SEEN = "abdomen_dicom", "abdomen_3mm"
"""Real patients: one the model never saw, one it was trained on."""
UNSEEN_HEADING = "real patient never seen"
TWIN = "\u00a0"
"""Behind the headings of the second half of a table in two columns: headings differ, readers see none of it."""


def bundled_model(find: Callable[[str], Record]) -> Record:
    """All structures, the same beside one another for the README, and the lesions one by one.

    Args:
        find: Name -> result.
    """
    real, phantoms = find("real_ct"), find("unseen_phantoms")
    unseen, seen = (dice_of(real.tables[name]) for name in (UNSEEN, SEEN))
    rows: list[list[Cell]] = []
    lesions: list[list[Cell]] = []
    for structure, n, dice, low, found, missed, false in phantoms.tables["structures"].rows:
        rows.append([structure, unseen.get(structure), seen.get(structure), dice, low, n])
        if found is not None:
            lesions.append([structure, n, found, missed, false, dice])
    short = [[row[0], row[1], row[3]] for row in rows]
    tables = {
        "short": side_by_side({"structure": "{}", UNSEEN_HEADING: "{:.2f}", "phantoms": "{:.2f}"}, short),
        "lesions": Table(LESIONS, lesions),
        "whole": Table(WHOLE, rows),
    }
    counted = zip(*(lesion[2:5] for lesion in lesions), strict=True)
    sums = {f"lesions {name}": sum(counts) for name, counts in zip(("found", "missed", "false"), counted, strict=True)}
    measures, values = {**real.measures, **phantoms.measures}, {**phantoms.values, **sums}
    return Record("The bundled model", measures, {}, tables, values)


LESIONS = {"": "{}", "n": "{}", "found": "{}", "missed": "{}", "false": "{}", "mean Dice": "{:.2f}"}
WHOLE = {
    "structure": "{}",
    UNSEEN_HEADING: "{:.3f}",
    "real patient seen in training": "{:.3f}",
    "phantoms": "{:.3f}",
    "their 5th percentile": "{:.3f}",
    "n": "{}",
}


def dice_of(table: Table) -> dict[Cell, Cell]:
    """Structure -> Dice."""
    column = list(table.columns).index("Dice")
    return {row[0]: row[column] for row in table.rows}


def side_by_side(columns: dict[str, str], rows: list[list[Cell]]) -> Table:
    """The second half of a long table beside the first."""
    half = -(-len(rows) // 2)
    right = [*rows[half:], *([[None] * len(columns)] * (2 * half - len(rows)))]
    twins = {f"{name}{TWIN}": form for name, form in columns.items()}
    return Table({**columns, **twins}, [[*a, *b] for a, b in zip(rows[:half], right, strict=True)])
