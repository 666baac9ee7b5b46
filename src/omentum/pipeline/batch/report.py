"""report.json: status, warnings and volumes of every case of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from omentum.json_values import from_json_values
from omentum.pipeline.batch.jobs import CaseOutcome, CaseStatus
from omentum.schemas import Schema, read_stamped, stamped


@dataclass(frozen=True)
class ReportedCase:
    """One case of a report.

    Args:
        case: Its name.
        status: How far it is.
        output: Its folder, or file; None without a result.
        error: Why it failed, in one line; None if it did not.
        warnings: Each once.
        quality: Score, and how many flags of which code (`Quality.summary`); None without a result.
        seconds: From when it was begun to be read until it was written.
        volume_ml: Structure key -> volume of what was found.
    """

    case: str
    status: CaseStatus
    output: str | None
    error: str | None
    warnings: tuple[str, ...]
    quality: Mapping[str, Any] | None
    seconds: float | None
    volume_ml: Mapping[str, float]

    @classmethod
    def of(cls, outcome: CaseOutcome) -> ReportedCase:
        """What is reported of an outcome; of an anonymous case without the names of files."""
        job, has_result = outcome.job, outcome.ended and not outcome.error
        return cls(
            case=job.case,
            status=outcome.status,
            output=str(job.target) if has_result else None,
            error=outcome.error and job.anonymised(outcome.error),
            warnings=tuple(dict.fromkeys(map(job.anonymised, outcome.warnings))),
            quality=outcome.quality.summary() if outcome.quality else None,
            seconds=outcome.seconds,
            volume_ml={m.key: round(m.volume_ml, 3) for m in outcome.found},
        )

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self) | {"status": self.status.value, "warnings": list(self.warnings)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ReportedCase:
        """Read the result of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: the document is invalid.
        """
        return from_json_values(cls, raw)


@dataclass(frozen=True)
class BatchReport:
    """A report.

    Args:
        omentum: Version that wrote it.
        cases: In the order of the batch.
    """

    omentum: str
    cases: tuple[ReportedCase, ...]

    @classmethod
    def of(cls, outcomes: Sequence[CaseOutcome]) -> BatchReport:
        """The report of these outcomes, by this version."""
        return cls(version("omentum"), tuple(map(ReportedCase.of, outcomes)))

    def to_json(self) -> dict[str, Any]:
        """The document that `omentum segment --json` prints and report.json holds, in JSON values."""
        return stamped(Schema.BATCH, {"omentum": self.omentum, "cases": [case.to_json() for case in self.cases]})

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> BatchReport:
        """Read the result of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: the document is invalid, or of another version.
        """
        return from_json_values(cls, read_stamped(raw, Schema.BATCH))
