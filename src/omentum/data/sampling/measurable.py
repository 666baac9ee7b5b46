"""Held-out cases without the labels that began as predictions: nothing is measured against these.

The rule is that of `omentum.io.truth.assisted_in`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from omentum.data.sampling.cases import LabelledCase
from omentum.formatting import counted


def rows_of(keys: Iterable[str], classes: Sequence[str]) -> frozenset[int]:
    """Numbers of some classes; keys that are none of them are left out."""
    wanted = frozenset(keys)
    return frozenset(k for k, key in enumerate(classes) if key in wanted)


def measurable(cases: Sequence[LabelledCase], classes: Sequence[str]) -> tuple[tuple[LabelledCase, ...], str]:
    """Drop the labels of held-out cases that began as predictions, and cases in which nothing else is annotated.

    Args:
        cases: Held-out cases.
        classes: Their class keys.

    Returns:
        The other cases, and a message about what does not count; "" if everything does.
    """
    found = [(case, case.assisted & frozenset(case.annotated.nonzero()[0].tolist())) for case in cases]
    left_out = Counter(k for _, rows in found for k in rows)
    if not left_out:
        return tuple(cases), ""
    kept = tuple(case for case in (_without(case, rows) for case, rows in found) if case.annotated.any())
    names = ", ".join(f"{classes[k]} in {counted(n, 'case')}" for k, n in sorted(left_out.items()))
    gone = len(cases) - len(kept)
    told = f"; {counted(gone, 'case')} with nothing else {'does' if gone == 1 else 'do'} not count" if gone else ""
    return kept, f"not measured, since the labels are accepted predictions: {names}{told}"


def _without(case: LabelledCase, rows: frozenset[int]) -> LabelledCase:
    if not rows:
        return case
    sets, annotated, columns = case.sets.copy(), case.annotated.copy(), sorted(rows)
    sets[:, columns] = False
    annotated[columns] = False
    return replace(
        case,
        sets=sets,
        annotated=annotated,
        voxels={k: n for k, n in case.voxels.items() if k not in rows},
        points={k: at for k, at in case.points.items() if k not in rows},
    )
