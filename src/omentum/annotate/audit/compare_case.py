"""Compare the labels of one case with its prediction, in a worker process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from omentum.annotate.audit.cases import AuditCase
from omentum.annotate.audit.comparison import LabelComparison, StructurePair, compare, taken_by
from omentum.annotate.audit.faults import ComparedCase
from omentum.annotate.propose.case_views import CaseView
from omentum.errors import GeometryError, OmentumError
from omentum.evaluate.metrics.alignment import aligned, reoriented
from omentum.measure import find_lesions, measure
from omentum.pipeline.batch.resume import read_case_summary
from omentum.quality import assess_quality
from omentum.quality.ct_flags import phase_distances, phase_medians
from omentum.segmentation import Segmentation
from omentum.volume import Volume


@dataclass(frozen=True)
class CompareTask:
    """A case to compare.

    Args:
        case: The labelled case.
        prediction: Case folder of its prediction.
    """

    case: AuditCase
    prediction: Path


@dataclass(frozen=True, eq=False)
class CompareOutcome:
    """Result of comparing a case.

    Args:
        compared: None if it failed.
        error: Why, in one line; "" if it did not fail.
    """

    compared: ComparedCase | None
    error: str = ""


def compare_task(task: CompareTask) -> CompareOutcome:
    """Compare a case; errors are part of the outcome."""
    try:
        return CompareOutcome(compare_case(task.case, task.prediction))
    except OmentumError as fault:
        return CompareOutcome(None, str(fault) if fault.source is not None else f"{task.case.name}: {fault}")
    except Exception as fault:  # third-party files: an unforeseen error must only fail its own case
        return CompareOutcome(None, f"{task.case.name}: internal fault: {type(fault).__name__}: {fault}")


def compare_case(case: AuditCase, prediction: Path) -> ComparedCase:
    """Compare every annotated structure that the model knows.

    Raises:
        InputError: labels, CT or prediction cannot be read.
        GeometryError: the prediction is not on the grid of the labels.
    """
    ct, labels = case.read()
    view = CaseView.read(prediction, is_model=True)
    try:
        model = aligned(view.masks, labels.grid)
    except GeometryError as fault:
        raise GeometryError(fault.reason, source=prediction, remedy="predict the CT of this case") from fault
    summary = read_case_summary(prediction)
    compared = compare_labels(ct, labels, model, view)
    scores = {key: q.score for key, q in summary.quality.structures.items()}
    compared = {key: replace(one, model_score=scores.get(key)) for key, one in compared.items()}
    medians = phase_medians({m.key: m for m in summary.measures})
    trust = {m.key: m.trust for m in summary.measures}
    return ComparedCase(case.name, labels.grid, compared, trust, case.phase, phase_distances(medians), case.declared)


def compare_labels(ct: Volume, labels: Segmentation, model: Segmentation, view: CaseView) -> dict[str, LabelComparison]:
    """Compare the structures that are annotated and known to the model, by key.

    Args:
        ct: CT in HU.
        labels: Labels on its grid.
        model: Prediction on the same grid.
        view: Gives the probabilities.
    """
    keys = [key for key in labels.classes if key in (labels.annotated or ()) and key in model.classes]
    quality = assess_quality(ct, labels, measure(ct, labels), find_lesions(ct, labels))
    found = {}
    for key in keys:
        mask = labels.mask(key)
        probability = reoriented(view.probability(key), view.masks.grid, model.grid)
        others = labels.any_of([other for other in keys if other != key], _whole(labels))
        one = compare(key, StructurePair(mask, model.mask(key), probability, others), labels.grid)
        judged = quality.structures.get(key)
        score = None if judged is None else judged.score
        found[key] = replace(one, taken=taken_by(mask, model), label_score=score)
    return found


def _whole(seg: Segmentation) -> tuple[slice, slice, slice]:
    i, j, k = seg.shape
    return slice(0, i), slice(0, j), slice(0, k)
