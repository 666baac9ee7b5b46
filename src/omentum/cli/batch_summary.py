"""Final output of `omentum segment`: the structures of one case, or the cases of a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from omentum.measure.class_trust import NEVER_FOUND, NO_RECORD, TRUST_NOTES
from omentum.measure.label_map import hidden_line
from omentum.pipeline.batch import CaseOutcome
from omentum.result_files import LABEL_MAP
from omentum.spec import Trust


def print_summary(outcomes: Sequence[CaseOutcome], seconds: float) -> None:
    """Print the structures of one case, or the cases of a batch, to stdout, with the total time."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(_structure_table(outcomes[0]) if len(outcomes) == 1 else _case_table(outcomes))
    hidden = hidden_line(outcomes[0].measures, LABEL_MAP) if len(outcomes) == 1 else None
    for line in [*_trust_lines(outcomes), *([hidden] if hidden else [])]:
        console.print(line)
    done = [outcome for outcome in outcomes if not outcome.error]
    if len(outcomes) == 1:
        (only,) = outcomes
        console.print(
            f"{len(only.found)} of {len(only.measures)} structures in {seconds:.1f} s: {only.job.target.resolve()}"
        )
    else:
        folder = outcomes[0].job.target.parent.resolve()
        console.print(f"{len(done)} of {len(outcomes)} cases in {seconds:.1f} s: {folder}")


def _structure_table(outcome: CaseOutcome) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("structure")
    table.add_column("volume", justify="right")
    table.add_column("")
    for m in outcome.found:
        notes = ["only partly in the image"] if m.touches_border else []
        notes += [TRUST_NOTES[m.trust]] if m.trust in TRUST_NOTES else []
        table.add_row(m.display, f"{m.volume_ml:.1f} ml", ", ".join(notes))
    return table


def _trust_lines(outcomes: Sequence[CaseOutcome]) -> list[str]:
    """Remarks on the weights: structures they do not find, and candidates; once for all cases."""
    measures = [m for outcome in outcomes for m in outcome.measures]
    if measures and all(m.trust is Trust.UNKNOWN for m in measures):
        return [NO_RECORD]
    found = {m.key for m in measures if m.found}
    blind = dict.fromkeys(m.display for m in measures if m.trust is Trust.NOT_FOUND and m.key not in found)
    candidates = [lesion for outcome in outcomes for lesion in outcome.lesions if lesion.is_candidate]
    lines = [f"{NEVER_FOUND}: {', '.join(blind)}."] if blind else []
    if candidates:
        types = Counter(lesion.display for lesion in candidates)
        counts = ", ".join(f"{name} {n}" for name, n in types.items())
        lines.append(f"Candidates, for review and not in any sum: {counts}.")
    return lines


def _case_table(outcomes: Sequence[CaseOutcome]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("case", "result", "structures", "time"):
        table.add_column(title, justify="right" if title in ("structures", "time") else "left")
    for o in outcomes:
        found = "" if o.error else f"{len(o.found)} of {len(o.measures)}"
        table.add_row(repr(o.job.case)[1:-1], o.status, found, f"{o.seconds:.1f} s")
    return table
