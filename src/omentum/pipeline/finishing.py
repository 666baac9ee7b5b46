"""Last stages of a case: post-processing and the run record. Needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omentum.pipeline.case import CaseSegmentation
from omentum.pipeline.inference import Prediction
from omentum.pipeline.run_record import RunRecord
from omentum.postprocess import MaskChange, changes_json, find_cleaner
from omentum.preprocess.upright import nearest, on_grid
from omentum.segmentation import Bits, Segmentation, first_classes
from omentum.volume import Volume


@dataclass(frozen=True, eq=False)
class PredictedCase:
    """A CT and the network's prediction.

    Args:
        ct: CT as read.
        prediction: Prediction on the grid of the CT.
        classes: Keys, in bit order.
        manifest: Manifest entries so far.
        run_record: Record of the stages so far.
        minimum_ml: Structure key -> volume below which a component is removed, as the weights ask.
        wanted: How many of the classes, from the first on, were requested; the others only helped. All by default.
        exclusive: See `clean`: organs were drawn by several looks, none of which knows of the others.
    """

    ct: Volume
    prediction: Prediction
    classes: tuple[str, ...]
    manifest: Mapping[str, Any]
    run_record: RunRecord
    minimum_ml: Mapping[str, float] = field(default_factory=dict)
    wanted: int | None = None
    exclusive: bool = False


def finish_case(predicted: PredictedCase, postprocess: str) -> CaseSegmentation:
    """Post-process by named rules (see `find_cleaner`) and complete the record."""
    run_record, found = predicted.run_record, predicted.prediction
    with run_record.capture_warnings(), run_record.stage("postprocess"):
        bits, changes = _cleaned(predicted, postprocess)
        wanted = predicted.classes[: predicted.wanted]
        bits = bits if len(wanted) == len(predicted.classes) else first_classes(bits, len(wanted))
    record = run_record.to_json()
    return CaseSegmentation(
        *(bits, predicted.ct.affine, wanted),
        header=predicted.ct.header,
        ct=predicted.ct,
        manifest={**predicted.manifest, **record, "cleaned": changes_json(changes)},
        confidence={key: one for key, one in found.confidence.items() if key in wanted},
        lesion_probability=found.lesion_probability,
        probabilities={key: one for key, one in found.probabilities.items() if key in wanted},
    )


def _cleaned(predicted: PredictedCase, postprocess: str) -> tuple[Bits, Sequence[MaskChange]]:
    """Masks on the grid of the CT, post-processed on the upright grid, and the changes made."""
    undo = predicted.prediction.bits.undo
    clean = find_cleaner(postprocess, predicted.minimum_ml, exclusive=predicted.exclusive)
    ct = predicted.ct if undo.oblique is None else on_grid(predicted.ct, undo.native)
    cleaned = clean(Segmentation(predicted.prediction.bits.upright(), ct.affine, predicted.classes), ct)
    bits = cleaned.segmentation.bits
    return bits if undo.oblique is None else nearest(bits, undo.native, undo.oblique), cleaned.changes
