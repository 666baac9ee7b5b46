"""All that an evaluation came to, of one model or of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omentum.evaluate.judge import Judged
    from omentum.evaluate.metrics.comparison import Comparison
    from omentum.evaluate.metrics.summary import Summary
    from omentum.evaluate.worst_cases import WorstCase


@dataclass(frozen=True)
class Result:
    """All that is known in the end, of one model or of two.

    Args:
        judged, summary: Of the model.
        other, comparison: Of the one it is compared with.
        pictures: Worst cases.
        asked: What was judged against what, in words.
    """

    judged: Judged
    summary: Summary
    other: Judged | None = None
    comparison: Comparison | None = None
    pictures: Sequence[WorstCase] = ()
    asked: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, judged: Judged, other: Judged | None, names: tuple[str, str], pictures: Sequence[WorstCase] = ()
    ) -> Result:
        """Bring the cases together."""
        from omentum.evaluate import compare, summarise

        comparison = None if other is None else compare(judged.scores, other.scores, names=names)
        return cls(judged, summarise(judged.scores), other, comparison, pictures)
