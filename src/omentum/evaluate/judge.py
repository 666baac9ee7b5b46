"""Judging cases, in several processes if wanted: what cannot be judged counts as missed and is told, never fatal."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from omentum.anatomy.pairs import pair_of
from omentum.errors import CaseWarning, GeometryError, InputError, OmentumError, UsageError
from omentum.evaluate.pairing import DESCRIPTION, Pair
from omentum.formatting import counted
from omentum.process_pool import in_processes
from omentum.progress import ProgressListener

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omentum.evaluate import CaseScores, LabelMapping, Rules, Scope
    from omentum.segmentation import Segmentation
    from omentum.volume import Grid

NOT_WANTED = "not among --structures"

PATIENCE_S = 2.0
"""What is done sooner needs no report of progress."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Judge:
    """Reads a pair and scores it.

    Args:
        mapping: What the numbers of foreign references mean.
        rules: What is measured.
        of_predictions: What the numbers of foreign predictions mean.
        structures: Only these are judged; None for what the predictions were asked for.
        healthy: Case name -> lesion types that its patient is known not to have.
    """

    mapping: LabelMapping | None
    rules: Rules
    of_predictions: LabelMapping | None = None
    structures: frozenset[str] | None = None
    healthy: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def scores(self, pair: Pair, progress: Progress | None = None) -> CaseScores:
        """Of a pair with a prediction."""
        from omentum.evaluate import evaluate
        from omentum.evaluate.lesion_probabilities import lesion_curves_of

        assert pair.prediction is not None
        read = self.read(pair)
        named = {"case": pair.name, "patient": read.patient}
        scored = evaluate(read.ours, read.truth, **named, rules=self.rules, scope=read.scope, progress=progress)
        minimum_ml = self.rules.minimum_lesion_ml
        curves = lesion_curves_of(pair.prediction, read.native, read.truth, minimum_ml, partial(_on_truth, pair, read))
        judged = {score.key for score in scored.structures}
        return replace(scored, curves={key: one for key, one in curves.items() if key in judged})

    def read(self, pair: Pair) -> ReadPair:
        """A pair with a prediction."""
        from omentum.evaluate import aligned, with_unions
        from omentum.evaluate.foreign_labels import read_prediction
        from omentum.evaluate.stored_reference import is_stored, on_stored_grid

        assert pair.prediction is not None
        truth, patient = self._reference(pair)
        native, scope = read_prediction(pair.prediction, self.of_predictions)
        try:
            stored = is_stored(pair.reference)
            ours = on_stored_grid(native, pair.reference) if stored else aligned(native, truth.grid)
        except GeometryError as fault:
            raise GeometryError(fault.reason, source=pair.prediction, remedy=fault.remedy) from fault
        for mapping in filter(lambda one: one.unions, self._mappings):
            ours, truth = with_unions(ours, mapping.unions), with_unions(truth, mapping.unions)
        return ReadPair(ours, truth, patient, self._settled(scope, truth), native)

    def missed(self, pair: Pair, asked: Sequence[str], reason: str) -> CaseScores:
        """Of a pair without a prediction that could be read: everything that is there was missed."""
        from omentum.evaluate import missed_case

        truth, patient = self._reference(pair)
        named = {"case": pair.name, "patient": patient}
        return missed_case(truth, asked, **named, rules=self.rules, reason=reason)

    def asked_at_least(self) -> tuple[tuple[str, ...], str]:
        """What predictions are asked for when none of them can be read, and why nothing else is."""
        from omentum.anatomy import STRUCTURES

        keys = self.structures
        if keys is None:
            keys = frozenset(STRUCTURES.keys) if self.of_predictions is None else self.of_predictions.structures
        named = (pair if (pair := pair_of(key)) in self._joined else key for key in STRUCTURES.keys if key in keys)
        return tuple(dict.fromkeys(key for key in named if key)), NOT_WANTED if self.structures else ""

    def _settled(self, scope: Scope, truth: Segmentation) -> Scope:
        """The scope, with what the user wants and what the mappings cannot tell apart."""
        if self.structures is not None:
            scope = replace(scope, asked=self.structures, reason=NOT_WANTED, only=True)
        return replace(scope, joined=self._joined, excluded={**scope.excluded, **self._excluded(truth)})

    def _excluded(self, truth: Segmentation) -> dict[str, str]:
        """What a foreign prediction cannot say apart from something that the reference says nothing about."""
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

    def _reference(self, pair: Pair) -> tuple[Segmentation, str]:
        """The truth, with what the patient is known not to have, and whose it is."""
        from omentum.evaluate import known_absent

        truth, patient = self._drawn(pair)
        healthy = self.healthy.get(pair.name, frozenset())
        if drawn := healthy & truth.present():
            text = f"{pair.name}: listed as without {', '.join(sorted(drawn))}, but the reference has it; it counts"
            warnings.warn(CaseWarning(text), stacklevel=1)
        return known_absent(truth, healthy - drawn), patient

    def _drawn(self, pair: Pair) -> tuple[Segmentation, str]:
        """The truth, and whose it is: a list of patients first, then what the case itself says."""
        from omentum.evaluate.foreign_labels import read_reference
        from omentum.evaluate.stored_reference import is_stored, read_stored
        from omentum.io.truth import read_truth

        path = pair.reference
        if not path.is_dir():
            return read_reference(path, self.mapping), pair.patient
        if self.mapping:
            raise UsageError("is a truth folder and needs no --mapping", source=path)
        if is_stored(path):
            truth, patient = read_stored(path)
            return truth, pair.patient or patient
        if not (path / DESCRIPTION).is_file():
            raise InputError(
                f"is no case folder: it has no {DESCRIPTION}",
                source=path,
                remedy="give the truth folder or label map of that case",
            )
        truth, facts = read_truth(path)
        return truth, pair.patient or str(facts.get("patient", ""))


@dataclass(frozen=True, eq=False)
class ReadPair:
    """A prediction and its reference, both on the reference's grid.

    Args:
        ours, truth: What is compared.
        patient: Whose they are.
        scope: What is judged.
        native: The prediction on its own grid, as it was read.
    """

    ours: Segmentation
    truth: Segmentation
    patient: str
    scope: Scope
    native: Segmentation


def _on_truth(pair: Pair, read: ReadPair, voxels: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """Voxels of the prediction's grid on the truth's."""
    from omentum.evaluate import turned
    from omentum.evaluate.stored_reference import array_on_stored_grid, is_stored

    if is_stored(pair.reference):
        return array_on_stored_grid(voxels, grid, pair.reference)
    return turned(voxels, grid, read.truth.grid)


@dataclass(frozen=True)
class Answer:
    """What became of a pair: scores, or why there are none."""

    scores: CaseScores | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass
class Judged:
    """All cases of one model.

    Args:
        scores: In the order of the pairs.
        failed: Case name -> why it could not be judged (and was counted as missed where its reference can be read).
        without: Cases without a prediction.
    """

    scores: list[CaseScores] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)


def judge_all(pairs: Sequence[Pair], judge: Judge, jobs: int, speaker: ProgressListener) -> Judged:
    """Every pair; the fault of a single one is raised, of several a faulty one is only recorded."""
    if len(pairs) == 1:
        with _listening() as heard:
            only = judge.scores(pairs[0], _Patient(speaker, pairs[0].name))
        for message in heard:
            speaker.say("warning", message)
        return Judged([only])
    with_prediction = [pair for pair in pairs if pair.prediction is not None]
    answers = _answers(judge.scores, with_prediction, jobs, speaker)
    asked, reason = _asked(answers, judge)
    left = [pair for pair in pairs if pair.name not in answers or answers[pair.name].error]
    failed = {pair.name: str(answers[pair.name].error) for pair in left if pair.name in answers}
    missed = _answers(partial(judge.missed, asked=asked, reason=reason), left, jobs, speaker)
    failed |= {name: answer.error for name, answer in missed.items() if answer.error}
    answers |= missed
    scores = [found for pair in pairs if (found := answers[pair.name].scores)]
    return Judged(scores, failed, [pair.name for pair in pairs if pair.prediction is None])


def _answers(
    judge: Callable[[Pair], CaseScores], pairs: Sequence[Pair], jobs: int, speaker: ProgressListener
) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    progress = _Patient(speaker, counted(len(pairs), "case"))
    for pair, found in in_processes(partial(_answer, judge), pairs, jobs):
        answer = found or Answer(error=f"{pair.name}: the process was killed (out of memory? try fewer jobs with -j)")
        answers[pair.name] = answer
        for message in answer.warnings:
            speaker.say("warning", message)
        if answer.error:
            speaker.say("error", answer.error)
        progress(len(answers), len(pairs))
    return answers


def _answer(judge: Callable[[Pair], CaseScores], pair: Pair) -> Answer:
    with _listening() as heard:
        try:
            answer = Answer(judge(pair))
        except OmentumError as fault:
            answer = Answer(error=str(fault))
        except Exception as fault:
            answer = Answer(error=f"{pair.name}: internal fault: {type(fault).__name__}: {fault}")
    return replace(answer, warnings=tuple(dict.fromkeys(heard)))


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Collects warnings about a case; they are in the list once the block has ended."""
    heard: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CaseWarning)
        yield heard
        heard += [str(w.message) for w in caught if issubclass(w.category, CaseWarning)]


def _asked(answers: Mapping[str, Answer], judge: Judge) -> tuple[tuple[str, ...], str]:
    """What the cases without a prediction are held to, and why to nothing else: as the others were."""
    scored = [answer.scores for answer in answers.values() if answer.scores]
    if not scored:
        return judge.asked_at_least()
    reasons = dict.fromkeys(reason for scores in scored for reason in scores.left_out.values())
    return tuple(dict.fromkeys(s.key for scores in scored for s in scores.structures)), "; ".join(reasons)


class _Patient:
    """Progress that is told only of what takes long."""

    def __init__(self, speaker: ProgressListener, title: str) -> None:
        self._speaker, self._title = speaker, title
        self._started, self._told = time.monotonic(), False

    def __call__(self, done: int, of: int) -> None:
        if not self._told and time.monotonic() - self._started < PATIENCE_S:
            return
        if not self._told:
            self._speaker.begin(self._title, 1, 1)
            self._told = True
        self._speaker.progress(done, of)
