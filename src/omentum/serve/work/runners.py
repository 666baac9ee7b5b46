"""The processes of a service: one for each device, and one that reads files of users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omentum.pipeline.options import SegmentOptions
from omentum.serve.documents import ProgressDocument
from omentum.serve.state.folders import StateFolder
from omentum.serve.state.jobs import StoredJob
from omentum.serve.work.child import ChildProcess
from omentum.temporary_names import remove

SEGMENT = "omentum.serve.work.segmenting:segment_upload"
DESCRIBE = "omentum.serve.work.segmenting:describe_weights_of"
LOADING_S = 600.0
"""Longest time to load weights at the start."""


@dataclass(frozen=True)
class SegmentTask:
    """A job for a device.

    Args:
        files: Folder of the uploaded files.
        results: Folder to write; not there yet.
        ct: File for the CT as it was read.
        weights: Name or file.
        options: See `SegmentOptions`.
        formats: Further formats; None for those that suit the input.
        meshes: Whether surfaces are wanted.
    """

    files: Path
    results: Path
    ct: Path
    weights: str
    options: SegmentOptions
    formats: tuple[str, ...] | None
    meshes: bool


class DeviceRunner:
    """Computes jobs in the process of a device.

    Args:
        folder: State folder.
        device: As in `SegmentOptions.device`.
        weights: Name in the interface -> name or file.
    """

    def __init__(self, folder: StateFolder, device: str, weights: dict[str, str]) -> None:
        self._folder, self._device, self._weights = folder, device, weights
        self._child = ChildProcess(folder.root, ("omentum.serve.work.segmenting",))

    def describe(self) -> list[dict[str, Any]]:
        """Load all weights and describe them.

        Raises:
            TaskFault: weights or device cannot be used.
        """
        weights = tuple(self._weights.values())
        found: list[dict[str, Any]] = self._child.run(DESCRIBE, weights, self._device, limit_s=LOADING_S)
        return found

    def run(self, job: StoredJob, report: Callable[[ProgressDocument], None]) -> None:
        """See `JobRunner.run`."""
        asked = job.options
        options = SegmentOptions(
            classes=None if asked["classes"] is None else tuple(asked["classes"]),
            profile=asked["profile"],
            series=asked["series"],
            device=self._device,
        )
        task = SegmentTask(
            files=self._folder.upload(job.upload),
            results=self._folder.results(job.id, job.attempts),
            ct=self._folder.ct(job.id),
            weights=self._weights[asked["weights"]],
            options=options,
            formats=None if asked["formats"] is None else tuple(asked["formats"]),
            meshes=asked["meshes"],
        )
        remove(task.results)  # complete, but not yet noted when an earlier service ended
        self._child.run(SEGMENT, task, report=report)

    def cancel(self) -> None:
        """See `JobRunner.cancel`."""
        self._child.cancel()

    def close(self) -> None:
        """End the process."""
        self._child.close()

    @property
    def process_id(self) -> int | None:
        """Of its process."""
        return self._child.process_id
