"""One case of a batch: the job and its outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from omentum.errors import OmentumError, printable
from omentum.measure import Lesion, StructureMeasure
from omentum.pipeline.anonymity import without_names
from omentum.pipeline.finishing import PredictedCase, finish_case
from omentum.pipeline.manifest import CaseName
from omentum.pipeline.options import SaveOptions, Step
from omentum.quality import Quality


class CaseStatus(StrEnum):
    """Status of a case in a batch."""

    NOT_DONE = "not done"
    FAILED = "failed"
    DONE_EARLIER = "done earlier"
    """A previous run produced the result from the same input with the same options."""
    DONE = "done"


@dataclass(frozen=True)
class Job:
    """A CT to segment, its name, and the output path.

    Args:
        case: Case name in the results.
        source: File or folder of the CT.
        target: Case folder, or file for the label map alone.
        anonymous: Whether names of the file and its folders must not be written anywhere.
    """

    case: str
    source: Path
    target: Path
    anonymous: bool = False

    @property
    def name(self) -> CaseName:
        """Name in the results."""
        return CaseName(self.case, None if self.anonymous else CaseName.of_image(self.source).file)

    def anonymised(self, message: str) -> str:
        """Remove file names from a message if the case is anonymous."""
        return without_names(message, self.source, self.case) if self.anonymous else message


@dataclass
class CaseOutcome:
    """Outcome of a job.

    Args:
        seconds: Time from the start of reading to the end of writing.
        fault: Exception that ended it; None if it succeeded.
        resumed: Whether the result is from an earlier run with the same input and options.
        measures: Measures of every requested structure.
        lesions: All lesions, candidates included.
        quality: Flags and scores; None if it failed or is not done.
    """

    job: Job
    seconds: float = 0.0
    fault: Exception | None = None
    resumed: bool = False
    warnings: list[str] = field(default_factory=list)
    measures: list[StructureMeasure] = field(default_factory=list)
    lesions: list[Lesion] = field(default_factory=list)
    quality: Quality | None = None

    @property
    def ended(self) -> bool:
        """Whether the case succeeded or failed."""
        return self.fault is not None or self.quality is not None

    @property
    def status(self) -> CaseStatus:
        """Status of the case."""
        if not self.ended:
            return CaseStatus.NOT_DONE
        if self.fault is not None:
            return CaseStatus.FAILED
        return CaseStatus.DONE_EARLIER if self.resumed else CaseStatus.DONE

    @property
    def error(self) -> str | None:
        """One-line error message that names the file; None if it did not fail."""
        if self.fault is None:
            return None
        if not isinstance(self.fault, OmentumError):
            message = f"{self.job.source}: internal fault: {type(self.fault).__name__}: {self.fault}"
        else:
            message = str(self.fault) if self.fault.source is not None else f"{self.job.source}: {self.fault}"
        return printable(message)

    @property
    def found(self) -> list[StructureMeasure]:
        """Measures of the structures that were found."""
        return [m for m in self.measures if m.found]


@dataclass(frozen=True)
class CaseSummary:
    """Summary of a case kept in memory after it was written."""

    measures: list[StructureMeasure]
    lesions: list[Lesion]
    quality: Quality
    warnings: list[str]


def finish_and_save(
    predicted: PredictedCase, job: Job, postprocess: str, save: SaveOptions, step: Step | None = None
) -> CaseSummary:
    """Post-process, measure and write a case.

    Raises:
        OutputError: as for `CaseSegmentation.save`.
    """
    if step is not None:
        step("cleaning")
    case = finish_case(predicted, postprocess)
    case.save(job.target, save, step=step)
    return CaseSummary(case.measures(save.numbering), case.lesions(), case.quality(), list(case.manifest["warnings"]))
