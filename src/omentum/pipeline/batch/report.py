"""Report of a batch (report.json): status, warnings and volumes of every case."""

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
    """A case in the report of a batch.

    Args:
        case: Name of the case.
        status: See `CaseStatus`.
        output: Case folder or output file; None if there is no result.
        error: Reason for a failure, in one line; None if the case did not fail.
        warnings: Without duplicates.
        quality: Score and number of flags per code (`Quality.summary`); None if there is no result.
        seconds: From the start of reading to the end of writing.
        volume_ml: Structure key -> volume in ml, of the structures found.
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
        """Summarise an outcome, without file names if the case is anonymous."""
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
        """Convert to JSON-serialisable values."""
        return asdict(self) | {"status": self.status.value, "warnings": list(self.warnings)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ReportedCase:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, raw)


@dataclass(frozen=True)
class BatchReport:
    """Report of a batch.

    Args:
        omentum: Version that wrote the report.
        cases: In the order of the batch.
    """

    omentum: str
    cases: tuple[ReportedCase, ...]

    @classmethod
    def of(cls, outcomes: Sequence[CaseOutcome]) -> BatchReport:
        """Build the report, with the version of this package."""
        return cls(version("omentum"), tuple(map(ReportedCase.of, outcomes)))

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values, as in `omentum segment --json` and report.json."""
        return stamped(Schema.BATCH, {"omentum": self.omentum, "cases": [case.to_json() for case in self.cases]})

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> BatchReport:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed or of another version.
        """
        return from_json_values(cls, read_stamped(raw, Schema.BATCH))
