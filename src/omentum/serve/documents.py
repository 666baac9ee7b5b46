"""What the service takes and answers, as JSON: the schema at /openapi.json is made from these."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from omentum.serve.ids import ID_PATTERN

PROTOCOL = 1
"""Version of the interface; what an older client relies on changes only with it."""

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class JobState(StrEnum):
    """State of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorDocument(_Document):
    """Why something was refused or failed."""

    error: str = Field(description="a code for programs, such as `too_large`")
    file: str | None = Field(default=None, description="the uploaded file at fault")
    reason: str = Field(description="what was expected and what was found, in one line")
    remedy: str | None = Field(default=None, description="what to do about it")


class Health(_Document):
    """The service is there."""

    status: str = "ok"


class LoginRequest(_Document):
    """For browsers: the token is kept in a cookie that scripts cannot read."""

    token: str = Field(max_length=16384)


class StructureDocument(_Document):
    """A structure that weights know."""

    key: str
    name: str
    colour: str = Field(description="#rrggbb")
    group: str = Field(description="organ, vessel, tumour or cyst")
    lesion: bool
    snomed: str = Field(description="SNOMED CT code of its type")


class WeightsDocument(_Document):
    """Weights that the service offers."""

    name: str
    sha256: str = Field(description="hash of the values, as in a manifest")
    structures: list[StructureDocument]


class LimitsDocument(_Document):
    """Limits of the service."""

    upload_bytes: int
    files: int
    queue: int
    retention_hours: float


class Capabilities(_Document):
    """What the service can do."""

    protocol: int = PROTOCOL
    version: str
    weights: list[WeightsDocument]
    formats: list[str]
    profiles: list[str]
    limits: LimitsDocument


class FileDocument(_Document):
    """A received file."""

    name: str
    bytes: int
    sha256: str


class UploadCreated(_Document):
    """A new upload, still empty."""

    id: str


class UploadDocument(_Document):
    """An upload and its files."""

    id: str
    created: str
    files: list[FileDocument]
    bytes: int


class DeletedDocument(_Document):
    """What was deleted."""

    deleted: list[str]
    bytes: int


class JobRequest(_Document):
    """What to segment, and how."""

    upload: Id
    weights: Word | None = Field(default=None, description="one of the names in /capabilities; by default the first")
    classes: list[Word] | None = Field(default=None, max_length=200, description="structures in words; by default all")
    profile: Word | None = Field(default=None, description="one of the profiles in /capabilities")
    series: Word | None = Field(default=None, description="which of several DICOM series: its number or code")
    formats: list[Word] | None = Field(
        None, max_length=10, description="further formats; by default dicom-seg, rtstruct and dicom-sr for DICOM"
    )
    meshes: bool = Field(default=False, description="also a surface of each structure (STL)")


class ProgressDocument(_Document):
    """How far a running job is."""

    stage: str
    done: int | None = None
    total: int | None = None


class InputDocument(_Document):
    """Size of the input."""

    files: int
    bytes: int


class JobDocument(_Document):
    """A job; times are ISO 8601 in UTC."""

    id: str
    number: int = Field(description="larger than that of every earlier job")
    state: JobState
    position: int | None = Field(default=None, description="jobs ahead of a queued one, itself included")
    progress: ProgressDocument | None = None
    created: str
    started: str | None = None
    ended: str | None = None
    error: ErrorDocument | None = None
    input: InputDocument
    options: dict[str, Any]
    results: list[str]
    expires: str | None = Field(default=None, description="when input and results are deleted")


class ResultDocument(_Document):
    """A result file."""

    name: str
    media_type: str
    bytes: int


class CorrectionDocument(_Document):
    """A corrected mask, kept beside the prediction."""

    version: int
    structure: str
    voxels_changed: int
    voxels: int
    by: str
    when: str


class CorrectionsDocument(_Document):
    """All corrections of a job, oldest first; of one structure the last one counts."""

    corrections: list[CorrectionDocument]


class ComparisonRequest(_Document):
    """Two finished jobs of one patient."""

    before: Id
    after: Id
    force: bool = Field(default=False, description="go on although the two bodies do not match")
