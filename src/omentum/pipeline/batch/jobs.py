"""One case of a batch: the job and its outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.errors import OmentumError, printable
from omentum.measure import Lesion, StructureMeasure
from omentum.pipeline.anonymity import without_names
from omentum.pipeline.finishing import PredictedCase, finish_case
from omentum.pipeline.manifest import CaseName
from omentum.pipeline.options import SaveOptions, Step
from omentum.quality import Quality


@dataclass(frozen=True)
class Job:
    """A file to segment, its name, and where the result goes.

    Args:
        case: What it is called in its results.
        source: The CT.
        target: Case folder, or a file for the label map alone.
        anonymous: Whether nothing that is written may say what the file and its folders are called.
    """

    case: str
    source: Path
    target: Path
    anonymous: bool = False

    @property
    def name(self) -> CaseName:
        """Its name in the results."""
        return CaseName(self.case, None if self.anonymous else CaseName.of_image(self.source).file)

    def anonymised(self, message: str) -> str:
        """A message without the names of files, if the case is anonymous."""
        return without_names(message, self.source, self.case) if self.anonymous else message


@dataclass
class CaseOutcome:
    """Outcome of a job.

    Args:
        seconds: From when it was begun to be read until it was written.
        fault: Exception that ended it, None if it succeeded.
        resumed: Whether an earlier run had made its result from the same input with the same options.
        measures: Of every requested structure.
        lesions: All lesions, candidates included.
        quality: Flags and scores; None if it failed, or is not done.
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
        """Whether it succeeded or failed."""
        return self.fault is not None or self.quality is not None

    @property
    def error(self) -> str | None:
        """Why it failed, in one line that names the file; None if it did not."""
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
    """What a batch keeps of a case after it was written."""

    measures: list[StructureMeasure]
    lesions: list[Lesion]
    quality: Quality
    warnings: list[str]


def finish_and_save(
    predicted: PredictedCase, job: Job, postprocess: str, save: SaveOptions, step: Step | None = None
) -> CaseSummary:
    """Post-process, measure and write a case.

    Raises:
        OutputError: see `CaseSegmentation.save`.
    """
    if step is not None:
        step("cleaning")
    case = finish_case(predicted, postprocess)
    case.save(job.target, **vars(save), step=step)
    return CaseSummary(case.measures(save.numbering), case.lesions(), case.quality(), list(case.manifest["warnings"]))
