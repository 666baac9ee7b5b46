"""All cases of one model: their scores, and those that could not be evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omentum.evaluate.metrics.scores import CaseScores


@dataclass(frozen=True)
class EvaluatedCases:
    """All cases of one model.

    Args:
        scores: In the order of the pairs.
        failed: Case name -> why it could not be evaluated; it counts as missed where its reference can be read.
        without: Names of cases without a prediction.
    """

    scores: tuple[CaseScores, ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        cases = [case.to_json() for case in self.scores]
        return {"cases": cases, "failed": dict(self.failed), "without_prediction": list(self.without)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> EvaluatedCases:
        """Read what `to_json` made.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return cls(tuple(map(CaseScores.from_json, raw["cases"])), raw["failed"], tuple(raw["without_prediction"]))
