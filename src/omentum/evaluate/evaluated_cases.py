"""Evaluated cases of one model: scores, and cases that could not be evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omentum.evaluate.metrics.case_scores import CaseScores


@dataclass(frozen=True)
class EvaluatedCases:
    """Evaluated cases of one model.

    Args:
        scores: Scores in the order of the pairs.
        failed: Case name -> reason why it could not be evaluated; it counts as missed if its reference is readable.
        without: Names of cases without a prediction.
    """

    scores: tuple[CaseScores, ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        cases = [case.to_json() for case in self.scores]
        return {"cases": cases, "failed": dict(self.failed), "without_prediction": list(self.without)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> EvaluatedCases:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return cls(tuple(map(CaseScores.from_json, raw["cases"])), raw["failed"], tuple(raw["without_prediction"]))
