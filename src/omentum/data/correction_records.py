"""Who corrected which structure of a case, when, and how much: the provenance of corrected labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from omentum.data.label_precedence import LabelSource
from omentum.json_values import from_json_values
from omentum.schemas import Schema, read_stamped, stamped


@dataclass(frozen=True)
class CorrectionRecord:
    """A structure whose mask a person corrected or accepted.

    Args:
        structure: Structure key.
        by: Name of the person.
        when: Time of acceptance, ISO 8601 with time zone.
        file: Name of the file the mask came from.
        file_sha256: Hash of that file.
        mask_sha256: Hash of the mask, see `omentum.data.corrections.mask_sha256`.
        voxels: Voxels of the mask.
        proposed_voxels: Voxels of the proposal.
        changed_voxels: Voxels in one of the two only.
        replaced: Label that this one replaced; None if there was none.
    """

    structure: str
    by: str
    when: str
    file: str
    file_sha256: str
    mask_sha256: str
    voxels: int
    proposed_voxels: int
    changed_voxels: int
    replaced: LabelSource | None = None

    @property
    def unchanged(self) -> bool:
        """Whether the proposal was accepted as it was."""
        return self.changed_voxels == 0


@dataclass(frozen=True)
class CaseCorrections:
    """All corrections of a case, oldest first; of one structure the last one counts.

    Args:
        case: Name of the case.
        records: See above.
        masks_sha256: Hash of the file with the masks that count.
    """

    case: str
    records: tuple[CorrectionRecord, ...]
    masks_sha256: str = ""

    @property
    def current(self) -> dict[str, CorrectionRecord]:
        """Structure key -> record that counts."""
        return {record.structure: record for record in self.records}

    @property
    def replacing_truth(self) -> frozenset[str]:
        """Structures whose truth was replaced at any time; the truth of these does not count any more."""
        return frozenset(record.structure for record in self.records if record.replaced is LabelSource.TRUTH)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return stamped(Schema.CORRECTIONS, asdict(self))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> CaseCorrections:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed or of another version.
        """
        return from_json_values(cls, read_stamped(raw, Schema.CORRECTIONS))
