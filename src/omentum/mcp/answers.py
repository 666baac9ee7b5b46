"""What the tools answer: models whose fields and descriptions are the output schemas that a client sees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from omentum.follow_up.result import FollowUp
from omentum.follow_up.tracked import row_of
from omentum.measure import Lesion, StructureMeasure
from omentum.quality.flags import Flag

NOTICE = "Not a medical device. Not for clinical use. A person who can judge the images has to look at the masks."


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class MeasuredStructure(_Answer):
    """One structure of a segmentation."""

    key: str
    name: str
    found: bool
    volume_ml: float
    mean_hu: float | None = Field(description="mean attenuation in HU")
    touches_border: bool = Field(description="it reaches the border of the image, so its volume is a lower bound")
    score: float | None = Field(description="probability that the mask is good, 0 to 1; null if not assessed")
    trust: str = Field(description="how reliable the weights are for this structure in general")

    @classmethod
    def of(cls, m: StructureMeasure) -> MeasuredStructure:
        """Keep what a reader asks for."""
        mean = None if m.mean_hu is None else round(m.mean_hu, 1)
        return cls(
            key=m.key,
            name=m.display,
            found=m.found,
            volume_ml=round(m.volume_ml, 3),
            mean_hu=mean,
            touches_border=m.touches_border,
            score=m.score,
            trust=m.trust,
        )


class MeasuredLesion(_Answer):
    """One lesion of a segmentation."""

    number: int
    key: str
    name: str
    host: str | None = Field(description="organ that contains it")
    side: str | None
    volume_ml: float
    longest_mm: float = Field(description="longest diameter in an axial slice")
    perpendicular_mm: float = Field(description="longest diameter perpendicular to it in the same slice")
    mean_hu: float | None
    centroid_mm: tuple[float, float, float] = Field(description="RAS+ mm: right to left is -x, up is +z")
    touches_border: bool = Field(description="it reaches the border of the image, so all sizes are lower bounds")
    candidate_reason: str = Field(description="why it is only a candidate and in no sum; empty if it is none")

    @classmethod
    def of(cls, lesion: Lesion) -> MeasuredLesion:
        """Keep what a reader asks for."""
        x, y, z = (round(mm, 1) for mm in lesion.centroid_mm)
        return cls(
            number=lesion.number,
            key=lesion.key,
            name=lesion.display,
            host=lesion.host,
            side=lesion.side,
            volume_ml=round(lesion.volume_ml, 3),
            longest_mm=round(lesion.axial.longest.mm, 1),
            perpendicular_mm=round(lesion.axial.perpendicular.mm, 1),
            mean_hu=None if lesion.hu.mean_hu is None else round(lesion.hu.mean_hu, 1),
            centroid_mm=(x, y, z),
            touches_border=lesion.touches_border,
            candidate_reason=lesion.candidate_reason,
        )


class QualityFlag(_Answer):
    """A finding that the user should review."""

    severity: str
    structure: str = Field(description="key of the structure; empty for the case as a whole")
    text: str

    @classmethod
    def of(cls, flag: Flag) -> QualityFlag:
        """Keep the text."""
        return cls(severity=flag.severity, structure=flag.structure, text=flag.text)


class SegmentedCase(_Answer):
    """One CT."""

    case: str
    status: str = Field(description="done, done earlier, failed or not done")
    error: str | None = Field(description="why it failed and what to do; null if it did not")
    folder: str | None = Field(description="folder with its results")
    files: list[str] = Field(description="files in that folder")
    structures: list[MeasuredStructure]
    lesions: list[MeasuredLesion]
    flags: list[QualityFlag]
    warnings: list[str]


class SegmentAnswer(_Answer):
    """Result of the tool `segment`."""

    cases: list[SegmentedCase]
    seconds: float
    notice: str = NOTICE


class MeasureAnswer(_Answer):
    """Result of the tool `measure`."""

    segmentation: str
    structures: list[MeasuredStructure]
    lesions: list[MeasuredLesion]
    flags: list[QualityFlag]
    not_measured: list[str] = Field(description="structures asked for that this segmentation did not look for")
    warnings: list[str]
    notice: str = NOTICE


class ListedStructure(_Answer):
    """A structure that can be requested."""

    key: str
    name: str
    kind: str = Field(description="organ, vessel, tumour or cyst")
    side: str | None
    hosts: list[str] = Field(description="organs in which these lesions lie")
    snomed: str = Field(description="SNOMED CT code")
    synonyms: list[str]
    trust: str | None = Field(description="how reliable the server's weights are for it; null if not asked")


class ExplainedWords(_Answer):
    """What a phrase was understood to mean."""

    query: str
    structures: list[str] = Field(description="keys; empty if the phrase was not understood")
    how: str
    text: str = Field(description="the explanation in one line, with notes or suggestions")


class ClassesAnswer(_Answer):
    """Result of the tool `list_classes`."""

    structures: list[ListedStructure]
    explained: list[ExplainedWords]


class ComparedLesion(_Answer):
    """A lesion, or several that belong together, in both scans."""

    status: str = Field(description="same, new, gone, split, merged, or why it cannot be told")
    key: str
    name: str
    host: str | None
    side: str | None
    is_target: bool = Field(description="a RECIST target of the earlier scan")
    is_candidate: bool
    volume_before_ml: float | None
    volume_after_ml: float | None
    volume_change_percent: float | None
    longest_before_mm: float | None
    longest_after_mm: float | None
    longest_change_percent: float | None
    remarks: str


class CompareAnswer(_Answer):
    """Result of the tool `compare_lesions`."""

    response: str = Field(description="RECIST 1.1 category of the segmentations as they are")
    reason: str
    targets: int
    sum_before_mm: float
    sum_after_mm: float | None
    change_percent: float | None
    new_tumours: int
    lesions: list[ComparedLesion]
    is_forced: bool = Field(description="the bodies do not match: lesions may be mixed up")
    notes: list[str]
    notice: str = NOTICE

    @classmethod
    def of(cls, result: FollowUp, notes: Iterable[str]) -> CompareAnswer:
        """Keep the response and one row per lesion."""
        recist = result.response.to_json()
        rows = [row_of(one) for one in result.lesions]
        lesions = [
            ComparedLesion(
                **{name: _plain(row[name]) for name in ComparedLesion.model_fields if name in row}
                | {"name": row["display"]}
            )
            for row in rows
        ]
        return cls(
            response=str(recist.pop("category")),
            **recist,
            lesions=lesions,
            is_forced=result.is_forced,
            notes=list(notes),
        )


class CheckedInput(_Answer):
    """Result of the tool `doctor` for one input."""

    input: str
    works: bool = Field(description="whether segment would succeed, as far as can be told without running the model")
    kind: str
    use: str
    grid: str | None = Field(description="voxels, spacing and orientation of the CT")
    series: list[str] = Field(description="DICOM series in it, with the codes by which one is chosen")
    seconds: float | None = Field(description="estimated time of a segmentation")
    checks: list[str] = Field(description="each check as: outcome, subject, finding")


class DoctorAnswer(_Answer):
    """Result of the tool `doctor`."""

    inputs: list[CheckedInput]


def _plain(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
