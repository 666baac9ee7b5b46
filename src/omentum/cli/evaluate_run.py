"""Judging cases, in several processes if wanted: what cannot be judged counts as missed and is told, never fatal."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from omentum.cli.evaluate_cases import DESCRIPTION, Pair
from omentum.cli.speaker import Speaker
from omentum.data.processes import in_processes
from omentum.errors import CaseWarning, GeometryError, InputError, OmentumError, UsageError

if TYPE_CHECKING:
    from omentum.evaluate import CaseScores, LabelMapping, Rules
    from omentum.segmentation import Segmentation

PATIENCE_S = 2.0
"""What is done sooner needs no report of progress."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Judge:
    """Reads a pair and scores it.

    Args:
        mapping: What the numbers of foreign references mean.
        rules: What is measured.
    """

    mapping: LabelMapping | None
    rules: Rules

    def scores(self, pair: Pair, progress: Progress | None = None) -> CaseScores:
        """Of a pair with a prediction."""
        from omentum.evaluate import evaluate

        ours, truth, patient = self.read(pair)
        return evaluate(ours, truth, case=pair.name, patient=patient, rules=self.rules, progress=progress)

    def read(self, pair: Pair) -> tuple[Segmentation, Segmentation, str]:
        """Prediction and truth of a pair with a prediction, both on the truth's grid, and whose they are."""
        from omentum.cli.evaluate_store import is_stored, on_stored_grid
        from omentum.evaluate import aligned, with_unions
        from omentum.io.labels import read_segmentation

        assert pair.prediction is not None
        truth, patient = self._reference(pair)
        ours = read_segmentation(pair.prediction)
        try:
            stored = is_stored(pair.reference)
            ours = on_stored_grid(ours, pair.reference) if stored else aligned(ours, truth.grid)
        except GeometryError as fault:
            raise GeometryError(fault.reason, source=pair.prediction, remedy=fault.remedy) from fault
        return with_unions(ours, self.mapping.unions) if self.mapping else ours, truth, patient

    def missed(self, pair: Pair, asked: Sequence[str]) -> CaseScores:
        """Of a pair without a prediction that could be read: everything that is there was missed."""
        from omentum.evaluate import missed_case

        truth, patient = self._reference(pair)
        return missed_case(truth, asked, case=pair.name, patient=patient, rules=self.rules)

    def _reference(self, pair: Pair) -> tuple[Segmentation, str]:
        """The truth, and whose it is: a list of patients first, then what the case itself says."""
        from omentum.cli.evaluate_store import is_stored, read_stored
        from omentum.io.labels import read_labels, read_segmentation
        from omentum.io.truth import read_truth

        path = pair.reference
        if not path.is_dir():
            truth = read_labels(path, self.mapping.labels) if self.mapping else read_segmentation(path)
            return truth, pair.patient
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


def judge_all(pairs: Sequence[Pair], judge: Judge, jobs: int, speaker: Speaker) -> Judged:
    """Every pair; the fault of a single one is raised, of several a faulty one is only recorded."""
    if len(pairs) == 1:
        with _listening() as heard:
            only = judge.scores(pairs[0], _Patient(speaker, pairs[0].name))
        for message in heard:
            speaker.say("warning", message)
        return Judged([only])
    with_prediction = [pair for pair in pairs if pair.prediction is not None]
    answers = _answers(judge.scores, with_prediction, jobs, speaker)
    asked = tuple({s.key: None for a in answers.values() if a.scores for s in a.scores.structures}) or _everything()
    left = [pair for pair in pairs if pair.name not in answers or answers[pair.name].error]
    failed = {pair.name: str(answers[pair.name].error) for pair in left if pair.name in answers}
    missed = _answers(partial(judge.missed, asked=asked), left, jobs, speaker)
    failed |= {name: answer.error for name, answer in missed.items() if answer.error}
    answers |= missed
    scores = [found for pair in pairs if (found := answers[pair.name].scores)]
    return Judged(scores, failed, [pair.name for pair in pairs if pair.prediction is None])


def _answers(
    judge: Callable[[Pair], CaseScores], pairs: Sequence[Pair], jobs: int, speaker: Speaker
) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    progress = _Patient(speaker, f"{len(pairs)} cases")
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


def _everything() -> tuple[str, ...]:
    from omentum.anatomy import STRUCTURES

    return STRUCTURES.keys


class _Patient:
    """Progress that is told only of what takes long."""

    def __init__(self, speaker: Speaker, title: str) -> None:
        self._speaker, self._title = speaker, title
        self._started, self._told = time.monotonic(), False

    def __call__(self, done: int, of: int) -> None:
        if not self._told and time.monotonic() - self._started < PATIENCE_S:
            return
        if not self._told:
            self._speaker.begin(self._title, 1, 1)
            self._told = True
        self._speaker.progress(done, of)
