"""One case of a batch: what is to be done, and what became of it."""

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
        """For its results."""
        return CaseName(self.case, None if self.anonymous else CaseName.of_image(self.source).file)

    def anonymised(self, message: str) -> str:
        """A message as it may be written."""
        return without_names(message, self.source, self.case) if self.anonymous else message


@dataclass
class CaseOutcome:
    """What became of a job.

    Args:
        seconds: From when it was begun to be read until it was written.
        fault: What it failed of, None if it did not.
        resumed: Its result was there already, made from the same input in the same way.
        measures: Of every structure that was looked for.
        lesions: All of them.
        quality: Flags and scores; None if it failed, or has not ended.
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
        """Whether it came to an end, good or bad."""
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
    """What a batch wants to know of a case that was written."""

    measures: list[StructureMeasure]
    lesions: list[Lesion]
    quality: Quality
    warnings: list[str]


def finish_and_save(
    predicted: PredictedCase, job: Job, postprocess: str, save: SaveOptions, step: Step | None = None
) -> CaseSummary:
    """Clean, measure, write.

    Raises:
        OutputError: see `CaseSegmentation.save`.
    """
    if step is not None:
        step("cleaning")
    case = finish_case(predicted, postprocess)
    case.save(job.target, **vars(save), step=step)
    return CaseSummary(case.measures(save.numbering), case.lesions(), case.quality(), list(case.manifest["warnings"]))
