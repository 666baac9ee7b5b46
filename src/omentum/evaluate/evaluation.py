"""Result of an evaluation: scores of one model, or of two and their comparison; as JSON, CSV and HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from omentum.evaluate.evaluated_cases import EvaluatedCases
from omentum.evaluate.metrics.comparison import Comparison, compare
from omentum.evaluate.metrics.rules import Rules
from omentum.evaluate.metrics.summary import Summary, summarise
from omentum.schemas import Schema, read_stamped, stamped

if TYPE_CHECKING:
    from omentum.evaluate.worst_cases import WorstCase


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model, optionally compared with a second one.

    Args:
        evaluated, summary: Cases of the model, and their summary.
        rules: Metrics and tolerances used.
        second, second_summary, comparison: The same for the second model, and the comparison (first minus second).
        pictures: Pictures of the worst cases for the HTML page; not in the JSON.
        inputs: Inputs of the evaluation: name -> value as text.
        software: Version of Omentum used.
    """

    evaluated: EvaluatedCases
    summary: Summary
    rules: Rules
    second: EvaluatedCases | None = None
    second_summary: Summary | None = None
    comparison: Comparison | None = None
    pictures: Sequence[WorstCase] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    software: str = field(default_factory=lambda: version("omentum"))

    @classmethod
    def of(
        cls,
        evaluated: EvaluatedCases,
        second: EvaluatedCases | None,
        names: tuple[str, str],
        rules: Rules,
        *,
        pictures: Sequence[WorstCase] = (),
        inputs: Mapping[str, str] | None = None,
    ) -> Evaluation:
        """Summarise the cases, and compare two models with the given `names`."""
        parts = (evaluated, summarise(evaluated.scores), rules)
        if second is None:
            return cls(*parts, pictures=pictures, inputs=inputs or {})
        comparison = compare(evaluated.scores, second.scores, names=names)
        return cls(*parts, second, summarise(second.scores), comparison, pictures, inputs or {})

    @property
    def has_failures(self) -> bool:
        """Whether a case of either model could not be evaluated."""
        return bool(self.evaluated.failed or (self.second and self.second.failed))

    def to_json(self) -> dict[str, Any]:
        """Convert to the JSON document of `omentum evaluate --json`."""
        keys = [score.key for case in self.evaluated.scores for score in case.structures]
        content: dict[str, Any] = {"omentum": self.software, "rules": self.rules.to_json(keys)}
        content |= self.evaluated.to_json() | {"summary": self.summary.to_json()}
        if self.second and self.second_summary and self.comparison:
            second = self.second.to_json() | {"summary": self.second_summary.to_json()}
            content |= {"second": second, "comparison": self.comparison.to_json()}
        return stamped(Schema.EVALUATION, content | {"inputs": dict(self.inputs)})

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Evaluation:
        """Build from the output of `to_json`, which has no pictures.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed or of another version.
        """
        raw = read_stamped(raw, Schema.EVALUATION)
        second = raw.get("second")
        return cls(
            EvaluatedCases.from_json(raw),
            Summary.from_json(raw["summary"]),
            Rules.from_json(raw["rules"]),
            second and EvaluatedCases.from_json(second),
            second and Summary.from_json(second["summary"]),
            Comparison.from_json(raw["comparison"]) if second else None,
            inputs=raw["inputs"],
            software=raw["omentum"],
        )
