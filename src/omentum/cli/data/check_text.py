"""Text output of `omentum data check`: a table, then the findings grouped by dataset and kind."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Column, Table

from omentum.cli.classes import PIPED_WIDTH
from omentum.data.harmonise.check import CheckStatus, FindingSeverity

if TYPE_CHECKING:
    from omentum.data.datasets.raw_case import DatasetCases
    from omentum.data.harmonise.check import CaseCheck

COLUMNS = ("cases", *CheckStatus, "skipped", "unpaired", "seen again")
SHOWN = 10
"""Findings shown per kind and dataset; the JSON has all of them."""

Line = tuple[FindingSeverity, str, str]
"""Severity, kind, and text of a finding."""


def print_check(found: Mapping[str, DatasetCases], checks: Sequence[CaseCheck], *, notes: bool) -> None:
    """Print to stdout; without `notes` only errors and warnings."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    table = Table(Column("dataset", no_wrap=True), *(Column(c, justify="right") for c in COLUMNS), box=box.SIMPLE)
    for name, one in found.items():
        table.add_row(name, *(str(n) for n in _counts(one, _own(one, checks))))
    console.print(table)
    for name, one in found.items():
        for line in _shortened(name, _lines(one, _own(one, checks), notes)):
            console.print(line)


def known_reuse(found: DatasetCases) -> dict[str, str]:
    """Other datasets that reuse the same images, according to the recipe, by recipe key."""
    return {case.recipe.key: case.recipe.reuse for case in found.cases if case.recipe.reuse}


def _own(found: DatasetCases, checks: Sequence[CaseCheck]) -> list[CaseCheck]:
    names = {case.name for case in found.cases}
    return [check for check in checks if check.name in names]


def _counts(found: DatasetCases, checks: Sequence[CaseCheck]) -> tuple[int, ...]:
    status = Counter(check.status for check in checks)
    again = sum(any(finding.kind in {"duplicate", "reuse"} for finding in check.findings) for check in checks)
    of_each = (status[one] for one in CheckStatus)
    return len(checks), *of_each, len(found.skipped), len(found.unpaired), again


def _lines(found: DatasetCases, checks: Sequence[CaseCheck], notes: bool) -> list[Line]:
    lines = [(f.severity, f.kind, f"{check.name}: {f.text}") for check in checks for f in check.findings]
    lines += [(FindingSeverity.WARNING, "unpaired", f"{path} has no partner") for path in found.unpaired]
    lines += [(FindingSeverity.NOTE, "skipped", f"{case_id}: {reason}") for case_id, reason in found.skipped.items()]
    lines += [(FindingSeverity.NOTE, "reuse", f"known of {key}: {text}") for key, text in known_reuse(found).items()]
    return [line for line in lines if notes or line[0] is not FindingSeverity.NOTE]


def _shortened(dataset: str, lines: Sequence[Line]) -> Iterator[str]:
    """Errors first, then warnings, then notes; only the first findings of each kind."""
    kinds: dict[tuple[FindingSeverity, str], list[str]] = defaultdict(list)
    for severity, kind, text in lines:
        kinds[severity, kind].append(text)
    order = list(FindingSeverity)
    for (severity, kind), texts in sorted(kinds.items(), key=lambda entry: (order.index(entry[0][0]), entry[0][1])):
        yield from (f"{severity}: {kind}: {text}" for text in texts[:SHOWN])
        if len(texts) > SHOWN:
            yield f"{severity}: {kind}: {len(texts) - SHOWN} more of {dataset}, see --json"
