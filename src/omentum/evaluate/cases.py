"""Evaluation of cases, optionally in parallel; a case that cannot be evaluated counts as missed and is reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from omentum.anatomy.pairs import pair_of
from omentum.errors import (
    GeometryError,
    OmentumError,
    capture_warnings,
    warn_of_case,
)
from omentum.evaluate.evaluated_cases import EvaluatedCases
from omentum.evaluate.pairing import Pair
from omentum.evaluate.references import CaseReference, reference_of
from omentum.formatting import counted
from omentum.process_pool import map_in_processes
from omentum.progress import ProgressListener
from omentum.result_files import segmentation_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omentum.evaluate import CaseScores, LabelMapping, Rules, Scope
    from omentum.segmentation import Segmentation
    from omentum.volume import Grid

NOT_WANTED = "not among --classes"

PATIENCE_S = 2.0
"""Progress is reported only for work that takes longer than this."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CaseEvaluator:
    """Reads a pair of prediction and reference and scores it.

    Args:
        mapping: Label mapping of foreign references.
        rules: Metrics and tolerances.
        of_predictions: Label mapping of foreign predictions.
        structures: Restrict the evaluation to these structures; None for those that the predictions were asked for.
        healthy: Case name -> lesion types known to be absent in the patient.
    """

    mapping: LabelMapping | None
    rules: Rules
    of_predictions: LabelMapping | None = None
    structures: frozenset[str] | None = None
    healthy: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def scores(self, pair: Pair, progress: Progress | None = None) -> CaseScores:
        """Score a pair that has a prediction."""
        from omentum.evaluate import evaluate
        from omentum.evaluate.lesion_probabilities import lesion_curves_of

        assert pair.prediction is not None
        read = self.read(pair)
        named = {"case": pair.name, "patient": read.patient}
        scored = evaluate(
            read.prediction, read.reference, **named, rules=self.rules, scope=read.scope, progress=progress
        )
        minimum_ml = self.rules.minimum_lesion_ml
        curves = lesion_curves_of(
            pair.prediction, read.native, read.reference, minimum_ml, partial(_on_reference_grid, pair, read)
        )
        evaluated = {score.key for score in scored.structures}
        curves = {key: one for key, one in curves.items() if key in evaluated}
        hidden = {key: share for key, share in self._hidden(pair, read).items() if key in evaluated}
        return replace(scored, curves=curves, hidden=hidden)

    def read(self, pair: Pair) -> ReadPair:
        """Read a pair that has a prediction."""
        from omentum.evaluate import aligned, with_unions
        from omentum.evaluate.foreign_labels import read_prediction
        from omentum.evaluate.stored_reference import is_stored, on_stored_grid
        from omentum.io.dicom.open import is_dicom_file
        from omentum.io.pad_crop import pad_or_crop

        assert pair.prediction is not None
        native, scope = read_prediction(pair.prediction, self.of_predictions)
        found = self._reference(pair, None if is_dicom_file(pair.prediction) else native.grid)
        truth = found.truth
        try:
            stored = is_stored(pair.reference)
            if is_dicom_file(pair.prediction):
                native = pad_or_crop(native, truth.grid)
            prediction = on_stored_grid(native, pair.reference) if stored else aligned(native, truth.grid)
        except GeometryError as fault:
            raise GeometryError(fault.reason, source=pair.prediction, remedy=fault.remedy) from fault
        for mapping in filter(lambda one: one.unions, self._mappings):
            prediction, truth = with_unions(prediction, mapping.unions), with_unions(truth, mapping.unions)
        return ReadPair(prediction, truth, found.patient, self._settled(scope, found, truth), native)

    def missed(self, pair: Pair, asked: Sequence[str], reason: str) -> CaseScores:
        """Scores of a pair without a readable prediction: every structure in the reference counts as missed."""
        from omentum.evaluate import missed_case

        found = self._reference(pair)
        named = {"case": pair.name, "patient": found.patient}
        excluded = found.excluded(self._joined, self._mappings)
        return missed_case(found.truth, asked, **named, rules=self.rules, reason=reason, excluded=excluded)

    def default_structures(self) -> tuple[tuple[str, ...], str]:
        """Structures expected if no prediction can be read, and the reason why others are not."""
        from omentum.anatomy import STRUCTURES

        keys = self.structures
        if keys is None:
            keys = frozenset(STRUCTURES.keys) if self.of_predictions is None else self.of_predictions.structures
        named = (pair if (pair := pair_of(key)) in self._joined else key for key in STRUCTURES.keys if key in keys)
        return tuple(dict.fromkeys(key for key in named if key)), NOT_WANTED if self.structures else ""

    def _hidden(self, pair: Pair, read: ReadPair) -> dict[str, float]:
        """Shares of structures hidden by a label map on one side only; two label maps hide the same voxels."""
        from omentum.evaluate import hidden_shares
        from omentum.evaluate.foreign_labels import label_map_if_numbered
        from omentum.io.segmentations import holds_named_masks

        assert pair.prediction is not None
        if not holds_named_masks(label_map_if_numbered(pair.prediction, self.of_predictions)):
            return hidden_shares(read.reference, read.prediction.classes)
        file = segmentation_in(pair.reference) or pair.reference
        if file.is_dir() or holds_named_masks(file):
            return {}
        return hidden_shares(read.prediction, read.reference.classes)

    def _settled(self, scope: Scope, reference: CaseReference, truth: Segmentation) -> Scope:
        """Scope after applying the user's structures and the ambiguities of the mappings."""
        if self.structures is not None:
            scope = replace(scope, asked=self.structures, reason=NOT_WANTED, only=True)
        excluded = {**self._excluded(truth), **reference.excluded(self._joined, self._mappings)}
        return replace(scope, joined=self._joined, excluded={**scope.excluded, **excluded})

    def _excluded(self, truth: Segmentation) -> dict[str, str]:
        """Structures that a foreign prediction cannot distinguish from unannotated ones, with the reason."""
        from omentum.anatomy import STRUCTURES

        unions = {} if self.of_predictions is None else self.of_predictions.unions
        unknown = {
            key: [part for part in parts if key not in STRUCTURES[part].hosts and part not in (truth.annotated or ())]
            for key, parts in unions.items()
        }
        told = "the prediction's holds {} as well, which is not annotated"
        return {key: told.format(", ".join(parts)) for key, parts in unknown.items() if parts}

    @property
    def _mappings(self) -> list[LabelMapping]:
        return [mapping for mapping in (self.mapping, self.of_predictions) if mapping]

    @property
    def _joined(self) -> frozenset[str]:
        return frozenset[str]().union(*(mapping.joined for mapping in self._mappings))

    def _reference(self, pair: Pair, grid: Grid | None = None) -> CaseReference:
        """Reference including lesions known to be absent; `grid` as for `reference_of`."""
        from omentum.evaluate import known_absent

        found = reference_of(pair, self.mapping, grid)
        truth = found.truth
        healthy = self.healthy.get(pair.name, frozenset())
        if denied := healthy & truth.present():
            text = f"{pair.name}: listed as without {', '.join(sorted(denied))}, but the reference has it; it counts"
            warn_of_case(text)
        return replace(found, truth=known_absent(truth, healthy - denied))


@dataclass(frozen=True, eq=False)
class ReadPair:
    """A prediction and its reference, both on the grid of the reference.

    Args:
        prediction, reference: Segmentations to compare.
        patient: Patient identifier.
        scope: Structures to evaluate.
        native: The prediction on its own grid, as read.
    """

    prediction: Segmentation
    reference: Segmentation
    patient: str
    scope: Scope
    native: Segmentation


def _on_reference_grid(pair: Pair, read: ReadPair, voxels: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """Resample voxels from the grid of the prediction to the grid of the reference."""
    from omentum.evaluate import reoriented
    from omentum.evaluate.stored_reference import array_on_stored_grid, is_stored

    if is_stored(pair.reference):
        return array_on_stored_grid(voxels, grid, pair.reference)
    return reoriented(voxels, grid, read.reference.grid)


@dataclass(frozen=True)
class CaseEvaluation:
    """Outcome of a pair: its scores, or the reason why there are none."""

    scores: CaseScores | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()


def evaluate_cases(
    pairs: Sequence[Pair], evaluator: CaseEvaluator, jobs: int, reporter: ProgressListener
) -> EvaluatedCases:
    """Evaluate every pair; the error of a single pair is raised, errors of several are recorded per case."""
    if len(pairs) == 1:
        with capture_warnings(partial(reporter.say, "warning"), propagate=False):
            only = evaluator.scores(pairs[0], _DelayedProgress(reporter, pairs[0].name))
        return EvaluatedCases((only,))
    with_prediction = [pair for pair in pairs if pair.prediction is not None]
    evaluations = _evaluations(evaluator.scores, with_prediction, jobs, reporter)
    asked, reason = _asked(evaluations, evaluator)
    left = [pair for pair in pairs if pair.name not in evaluations or evaluations[pair.name].error]
    failed = {pair.name: str(evaluations[pair.name].error) for pair in left if pair.name in evaluations}
    missed = _evaluations(partial(evaluator.missed, asked=asked, reason=reason), left, jobs, reporter)
    failed |= {name: evaluation.error for name, evaluation in missed.items() if evaluation.error}
    evaluations |= missed
    scores = tuple(found for pair in pairs if (found := evaluations[pair.name].scores))
    return EvaluatedCases(scores, failed, tuple(pair.name for pair in pairs if pair.prediction is None))


def _evaluations(
    evaluator: Callable[[Pair], CaseScores], pairs: Sequence[Pair], jobs: int, reporter: ProgressListener
) -> dict[str, CaseEvaluation]:
    evaluations: dict[str, CaseEvaluation] = {}
    progress = _DelayedProgress(reporter, counted(len(pairs), "case"))
    for pair, found in map_in_processes(partial(_evaluation, evaluator), pairs, jobs):
        evaluation = found or CaseEvaluation(
            error=f"{pair.name}: the process was killed (out of memory? try fewer jobs with -j)"
        )
        evaluations[pair.name] = evaluation
        for message in evaluation.warnings:
            reporter.say("warning", message)
        if evaluation.error:
            reporter.say("error", evaluation.error)
        progress(len(evaluations), len(pairs))
    return evaluations


def _evaluation(evaluator: Callable[[Pair], CaseScores], pair: Pair) -> CaseEvaluation:
    messages: list[str] = []
    with capture_warnings(messages.append, propagate=False):
        try:
            evaluation = CaseEvaluation(evaluator(pair))
        except OmentumError as fault:
            evaluation = CaseEvaluation(error=str(fault))
        except Exception as fault:
            evaluation = CaseEvaluation(error=f"{pair.name}: internal fault: {type(fault).__name__}: {fault}")
    return replace(evaluation, warnings=tuple(dict.fromkeys(messages)))


def _asked(evaluations: Mapping[str, CaseEvaluation], evaluator: CaseEvaluator) -> tuple[tuple[str, ...], str]:
    """Structures expected of cases without a prediction, as for the other cases, and why not of others."""
    scored = [evaluation.scores for evaluation in evaluations.values() if evaluation.scores]
    if not scored:
        return evaluator.default_structures()
    reasons = dict.fromkeys(reason for scores in scored for reason in scores.not_evaluated.values())
    return tuple(dict.fromkeys(s.key for scores in scored for s in scores.structures)), "; ".join(reasons)


class _DelayedProgress:
    """Progress that is reported only for work that takes long."""

    def __init__(self, reporter: ProgressListener, title: str) -> None:
        self._reporter, self._title = reporter, title
        self._started, self._reported = time.monotonic(), False

    def __call__(self, done: int, of: int) -> None:
        if not self._reported and time.monotonic() - self._started < PATIENCE_S:
            return
        if not self._reported:
            self._reporter.begin(self._title, 1, 1)
            self._reported = True
        self._reporter.progress(done, of)
