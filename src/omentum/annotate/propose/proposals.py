"""A proposal for one case as a value and as JSON, and the worklist over all cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from omentum.annotate.propose.gain import Suggestion
from omentum.json_values import from_json_values
from omentum.measure.csv_table import csv_text
from omentum.schemas import Schema, read_stamped, stamped

CSV_COLUMNS = (
    *("rank", "case", "structure", "suggestion", "expected_dice", "gain_per_minute", "effort_s", "volume_ml"),
    *("score", "agreement", "mean_entropy", "slices", "reasons"),
)


@dataclass(frozen=True)
class SliceHint:
    """A slice to look at.

    Args:
        index: Index along `StructureProposal.slice_axis` of the CT as stored, from 0.
        position_mm: Its place in the patient along the world axis that the slices follow, RAS+ mm.
        wrong_voxels: Voxels expected to be wrong in it.
    """

    index: int
    position_mm: float
    wrong_voxels: float


@dataclass(frozen=True)
class StructureProposal:
    """The proposal for one structure.

    Args:
        key: Structure key.
        voxels, volume_ml: Of the proposed mask, on the grid of the CT.
        score: Quality score (`omentum.quality.score`); None for an empty mask.
        agreement, mean_entropy: See `Evidence`.
        expected_dice, expected_changed_voxels, effort_s, priority: See `omentum.annotate.propose.gain`; priority is
            gain per minute.
        suggestion: What to do with it.
        slice_axis: Array axis of the CT that slices are counted along: i, j or k.
        slices: Slices to look at, most expected errors first.
        attention: PNG with the attention map, relative to the folder of the round; None for a structure without any.
        reasons: Why the score is low, worst first.
    """

    key: str
    voxels: int
    volume_ml: float
    score: float | None
    agreement: float | None
    mean_entropy: float | None
    expected_dice: float
    expected_changed_voxels: float
    effort_s: float
    priority: float
    suggestion: Suggestion
    slice_axis: str
    slices: tuple[SliceHint, ...]
    attention: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class CaseProposal:
    """The proposals for one case.

    Args:
        case: Name of the case.
        ct: The CT, as given or exported from the store.
        made_from: Hashes of the predictions and everything else that decides the proposal.
        masks_sha256: Hash of the file with the proposed masks.
        structures: In the order of the model's classes.
    """

    case: str
    ct: str
    made_from: Mapping[str, str]
    masks_sha256: str
    structures: tuple[StructureProposal, ...]

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return stamped(Schema.ANNOTATION_PROPOSAL, asdict(self))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> CaseProposal:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed or of another version.
        """
        return from_json_values(cls, read_stamped(raw, Schema.ANNOTATION_PROPOSAL))

    def of(self, key: str) -> StructureProposal:
        """The proposal for a structure; a KeyError if there is none."""
        return {one.key: one for one in self.structures}[key]


@dataclass(frozen=True)
class WorklistItem:
    """One structure of one case to be looked at.

    Args:
        rank: Place in the worklist, from 1.
        case, ct: See `CaseProposal`.
        structure: The proposal.
    """

    rank: int
    case: str
    ct: str
    structure: StructureProposal


@dataclass(frozen=True)
class Worklist:
    """What to correct, in order of expected gain per minute.

    Args:
        omentum: Version that wrote it.
        items: In order.
    """

    omentum: str
    items: tuple[WorklistItem, ...]

    @classmethod
    def of(cls, proposals: Iterable[CaseProposal], done: Iterable[tuple[str, str]] = ()) -> Worklist:
        """Order the structures of all cases; ties by case and structure.

        Args:
            proposals: One per case.
            done: (case, structure key) that is accepted already and left out.
        """
        settled = set(done)
        todo = [(p, s) for p in proposals for s in p.structures if (p.case, s.key) not in settled]
        todo.sort(key=lambda one: (-one[1].priority, one[0].case, one[1].key))
        items = tuple(WorklistItem(rank, p.case, p.ct, s) for rank, (p, s) in enumerate(todo, start=1))
        return cls(version("omentum"), items)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return stamped(Schema.ANNOTATION_WORKLIST, asdict(self))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Worklist:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed or of another version.
        """
        return from_json_values(cls, read_stamped(raw, Schema.ANNOTATION_WORKLIST))

    def to_csv(self) -> str:
        """Format as CSV, one row per item."""
        return csv_text([_row(item) for item in self.items], CSV_COLUMNS)


def _row(item: WorklistItem) -> dict[str, Any]:
    s = item.structure
    return {
        "rank": item.rank,
        "case": item.case,
        "structure": s.key,
        "suggestion": s.suggestion.value,
        "expected_dice": round(s.expected_dice, 3),
        "gain_per_minute": round(s.priority, 4),
        "effort_s": round(s.effort_s, 1),
        "volume_ml": round(s.volume_ml, 2),
        "score": s.score,
        "agreement": s.agreement,
        "mean_entropy": s.mean_entropy,
        "slices": slice_words(s),
        "reasons": " ".join(s.reasons),
    }


def slice_words(s: StructureProposal, most: int = 5) -> str:
    """The first slices to look at, such as "k 31 32 30"."""
    return " ".join([s.slice_axis, *(str(hint.index) for hint in s.slices[:most])]) if s.slices else ""


def total_effort_s(items: Sequence[WorklistItem]) -> float:
    """Expected time to work through some items, in seconds."""
    return sum(item.structure.effort_s for item in items)
