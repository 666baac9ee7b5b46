"""What the service is asked for and answers, as values; keys that a newer service adds are ignored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any


class RemoteState(StrEnum):
    """State of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self not in (RemoteState.QUEUED, RemoteState.RUNNING)


@dataclass(frozen=True)
class OfferedWeights:
    """Weights that a service offers.

    Args:
        name: Name for `submit`.
        sha256: Hash of the values, as in a manifest.
        structures: Keys of the structures they know.
    """

    name: str
    sha256: str
    structures: tuple[str, ...]

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> OfferedWeights:
        """Build from the answer."""
        return cls(str(raw["name"]), str(raw["sha256"]), tuple(str(one["key"]) for one in raw["structures"]))


@dataclass(frozen=True)
class ServerCapabilities:
    """What a service can do.

    Args:
        protocol: Version of its interface.
        version: Version of Omentum there.
        weights: Weights; the first are the default.
        formats: Output formats.
        profiles: Profiles.
        upload_bytes: Most bytes of an upload.
        files: Most files of an upload.
    """

    protocol: int
    version: str
    weights: tuple[OfferedWeights, ...]
    formats: tuple[str, ...]
    profiles: tuple[str, ...]
    upload_bytes: int
    files: int

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ServerCapabilities:
        """Build from the answer of `/capabilities`."""
        limits = raw["limits"]
        return cls(
            protocol=int(raw["protocol"]),
            version=str(raw["version"]),
            weights=tuple(map(OfferedWeights.from_json, raw["weights"])),
            formats=tuple(map(str, raw["formats"])),
            profiles=tuple(map(str, raw["profiles"])),
            upload_bytes=int(limits["upload_bytes"]),
            files=int(limits["files"]),
        )


@dataclass(frozen=True)
class JobOptions:
    """What to segment, and how; None leaves it to the service.

    Args:
        weights: One of `ServerCapabilities.weights`.
        classes: Structures in words.
        profile: One of `ServerCapabilities.profiles`.
        series: Which of several DICOM series.
        formats: Further output formats.
        meshes: Also a surface of each structure (STL).
    """

    weights: str | None = None
    classes: Sequence[str] | None = None
    profile: str | None = None
    series: str | None = None
    formats: Sequence[str] | None = None
    meshes: bool = False


@dataclass(frozen=True)
class RemoteJob:
    """A job on the service.

    Args:
        id: Identifier.
        number: Larger than that of every earlier job.
        state: State.
        position: Jobs ahead of a queued one, itself included; None for others.
        stage: What it does now; "" if it does not run.
        done, total: Parts of the stage that are done, and all; None if unknown.
        error: Why it failed: `{"error", "file", "reason", "remedy"}`; None if it did not.
        results: Names of the result files.
        expires: When input and results are deleted, ISO 8601; None if unknown.
    """

    id: str
    number: int
    state: RemoteState
    position: int | None
    stage: str
    done: int | None
    total: int | None
    error: Mapping[str, Any] | None
    results: tuple[str, ...]
    expires: str | None

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> RemoteJob:
        """Build from the answer."""
        progress = raw.get("progress") or {}
        return cls(
            id=str(raw["id"]),
            number=int(raw["number"]),
            state=RemoteState(raw["state"]),
            position=raw.get("position"),
            stage=str(progress.get("stage", "")),
            done=progress.get("done"),
            total=progress.get("total"),
            error=raw.get("error"),
            results=tuple(map(str, raw["results"])),
            expires=raw.get("expires"),
        )


@dataclass(frozen=True)
class RemoteFile:
    """A result file.

    Args:
        name: Relative name with slashes; leads into no other folder.
        bytes: Size.
    """

    name: str
    bytes: int

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> RemoteFile:
        """Build from the answer.

        Raises:
            ValueError: the name would lead out of the folder.
        """
        name, size = str(raw["name"]), int(raw["bytes"])
        path = PurePosixPath(name)
        is_odd = path.is_absolute() or ".." in path.parts or set(name) & set('\\:*?"<>|') or not name.isprintable()
        if is_odd or not path.parts or size < 0:
            raise ValueError(f"{name!r} is no name of a result file")
        return cls(name, size)
