"""Scores of a case as values, to and from JSON; `omentum.evaluate.metrics.scores` computes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from omentum.evaluate.metrics.detection import Detection
from omentum.evaluate.metrics.operating import Curve
from omentum.evaluate.metrics.status import Status
from omentum.json_values import from_json_values


@dataclass(frozen=True)
class StructureScore:
    """Scores of one structure in one case.

    Args:
        key: Structure key, or key of a pair if sides could not be separated (see `Scope`).
        status: Outcome, which decides what the numbers mean; see `Status`.
        dice, iou, precision, recall: Overlap metrics; None if undefined.
        nsd, hd95_mm, hd_mm, assd_mm: Surface metrics, see `surface`. If only one of the two has the structure, NSD is 0
            and distances are the diagonal of the image, so that a miss is penalised and stays in the mean.
        predicted_ml, reference_ml: Volumes; that of the reference is None if not annotated.
        volume_error_ml, volume_error_percent: Predicted minus reference volume, in ml and in percent of the reference.
        lesions: Lesion counts, for annotated tumours and cysts.
    """

    key: str
    status: Status
    dice: float | None
    iou: float | None
    precision: float | None
    recall: float | None
    predicted_ml: float
    reference_ml: float | None
    nsd: float | None = None
    hd95_mm: float | None = None
    hd_mm: float | None = None
    assd_mm: float | None = None
    lesions: Detection | None = None

    @property
    def volume_error_ml(self) -> float | None:
        """Predicted minus reference volume; None if absent in both or not annotated."""
        return self.predicted_ml - self.reference_ml if self.status.counts and self.reference_ml is not None else None

    @property
    def volume_error_percent(self) -> float | None:
        """Volume error in percent of the reference volume; None without one."""
        return 100 * (self.predicted_ml - self.reference_ml) / self.reference_ml if self.reference_ml else None

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        errors = {"volume_error_ml": self.volume_error_ml, "volume_error_percent": self.volume_error_percent}
        rates = {} if self.lesions is None else {"sensitivity": self.lesions.sensitivity}
        return asdict(self) | errors | {"lesions": None if self.lesions is None else asdict(self.lesions) | rates}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> StructureScore:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, raw)


@dataclass(frozen=True)
class CaseScores:
    """Scores of all structures of one case.

    Args:
        case: Case name.
        structures: Scores in template order: every class of the prediction and every other requested structure.
        not_evaluated: Structures annotated in the reference but not evaluated -> reason (see `Scope`).
        patient: Patient identifier; cases of one patient are not independent. The case name by default.
        curves: Detections at every threshold, for lesion types with probabilities.
        has_prediction: Whether there was a readable prediction.
        hidden: If prediction or reference is a label map: structure key -> share of the structure, in the other one,
            that is covered by another structure and cannot be represented in a label map; see `hidden_shares`.
    """

    case: str
    structures: tuple[StructureScore, ...]
    not_evaluated: Mapping[str, str] = field(default_factory=dict)
    patient: str = ""
    curves: Mapping[str, Curve] = field(default_factory=dict)
    has_prediction: bool = True
    hidden: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "patient", self.patient or self.case)

    def __getitem__(self, key: str) -> StructureScore:
        return next(score for score in self.structures if score.key == key)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        scores = {s.key: s.to_json() for s in self.structures}
        curves = {key: curve.to_json() for key, curve in self.curves.items()}
        told = {"case": self.case, "patient": self.patient, "has_prediction": self.has_prediction, "structures": scores}
        return told | {"not_evaluated": dict(self.not_evaluated), "curves": curves, "hidden": dict(self.hidden)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> CaseScores:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        scores = tuple(map(StructureScore.from_json, raw["structures"].values()))
        curves = {key: Curve.from_json(one) for key, one in raw["curves"].items()}
        return cls(
            raw["case"],
            scores,
            raw["not_evaluated"],
            raw["patient"],
            curves,
            raw["has_prediction"],
            raw["hidden"],
        )
