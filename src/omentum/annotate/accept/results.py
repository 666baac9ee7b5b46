"""Result of accepting corrections, as a value and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from omentum.annotate.accept.judge import AcceptStatus
from omentum.json_values import from_json_values
from omentum.schemas import Schema, read_stamped, stamped


@dataclass(frozen=True)
class AcceptOutcome:
    """What happened to a structure of a file, or to a whole file.

    Args:
        file: The file as found.
        case: Case of the round; None if the file belongs to none.
        structure: Structure key; None if the whole file was refused.
        status: See `AcceptStatus`.
        reason: Why it was not accepted; "" for an accepted one.
        voxels: Voxels of the mask; None for a refused file.
        changed_voxels: Voxels that differ from the proposal; None for a refused file.
    """

    file: str
    case: str | None
    structure: str | None
    status: AcceptStatus
    reason: str = ""
    voxels: int | None = None
    changed_voxels: int | None = None


@dataclass(frozen=True)
class AcceptResult:
    """What happened to all corrections.

    Args:
        outcomes: In the order of the files.
        labels: Where the labels are: the store, or the folder of case folders.
        omentum: Version that wrote it.
    """

    outcomes: tuple[AcceptOutcome, ...]
    labels: str
    omentum: str = version("omentum")

    def count(self, status: AcceptStatus) -> int:
        """Number of outcomes with a status."""
        return sum(outcome.status is status for outcome in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return stamped(Schema.ANNOTATION_ACCEPTED, asdict(self))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> AcceptResult:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed or of another version.
        """
        return from_json_values(cls, read_stamped(raw, Schema.ANNOTATION_ACCEPTED))
