"""All that an evaluation came to, of one model or of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omentum.evaluate.cases import EvaluatedCases
    from omentum.evaluate.metrics.comparison import Comparison
    from omentum.evaluate.metrics.summary import Summary
    from omentum.evaluate.worst_cases import WorstCase


@dataclass(frozen=True)
class Evaluation:
    """All that is known in the end, of one model or of two.

    Args:
        evaluated, summary: Of the model.
        other, comparison: Of the one it is compared with.
        pictures: Worst cases.
        inputs: What was evaluated against what: names of options -> their values as text.
    """

    evaluated: EvaluatedCases
    summary: Summary
    other: EvaluatedCases | None = None
    comparison: Comparison | None = None
    pictures: Sequence[WorstCase] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        evaluated: EvaluatedCases,
        other: EvaluatedCases | None,
        names: tuple[str, str],
        pictures: Sequence[WorstCase] = (),
    ) -> Evaluation:
        """Bring the cases together."""
        from omentum.evaluate import compare, summarise

        comparison = None if other is None else compare(evaluated.scores, other.scores, names=names)
        return cls(evaluated, summarise(evaluated.scores), other, comparison, pictures)
