"""Evaluation of a whole study from Python, as in `omentum evaluate` without printing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omentum.evaluate.cases import CaseEvaluator, evaluate_cases
from omentum.evaluate.evaluation import Evaluation
from omentum.evaluate.options import EvaluationOptions
from omentum.evaluate.pairing import (
    Pair,
    PairedCases,
    find_others,
    find_pairs,
    read_healthy,
    read_patients,
    single_prediction,
    unknown_healthy,
    unknown_predictions,
    unknown_references,
)
from omentum.evaluate.split_part import SplitPart
from omentum.progress import SILENT, ProgressListener
from omentum.words import guesses_in, keys_of, notes_on

if TYPE_CHECKING:
    from omentum.evaluate.pairing import IdOf

OWN_NUMBERS = "Omentum's own, or as the files name them"
DEFAULT_PART = "test"
"""Part of a split evaluated by default."""


@dataclass(frozen=True, eq=False)
class Study:
    """Paired predictions and references, ready to be evaluated.

    Args:
        predictions, reference: Paths as given.
        options: See `EvaluationOptions`.
        evaluator: Reads and scores a case.
        found: Cases to evaluate.
        others: The same cases with predictions of the second model; None without one.
        folders: Folders with predictions.
        same: Function from a file name to the id of the case.
    """

    predictions: Path
    reference: Path
    options: EvaluationOptions
    evaluator: CaseEvaluator
    found: PairedCases
    others: list[Pair] | None
    folders: list[Path]
    same: IdOf

    @classmethod
    def find(cls, predictions: str | Path, reference: str | Path, options: EvaluationOptions | None = None) -> Study:
        """Read the files of the options and find the cases; see `evaluate_study`."""
        from omentum.evaluate import Rules, load_mapping, load_tolerances
        from omentum.evaluate.foreign_labels import same_case, wanted_structures
        from omentum.evaluate.stored_reference import finder, is_store

        options = options or EvaluationOptions()
        pred, ref, distances = Path(predictions), Path(reference), options.distances
        tolerances = None if options.tolerance is None else load_tolerances(options.tolerance)
        rules = Rules(distances=distances) if tolerances is None else Rules(tolerances, distances)
        of_reference, of_predictions = (
            None if name is None else load_mapping(name) for name in (options.mapping, options.pred_mapping)
        )
        healthy = {} if options.healthy is None else read_healthy(options.healthy)
        understood = wanted_structures(options.structures)
        wanted = None if understood is None else frozenset(keys_of(understood))
        evaluator = CaseEvaluator(of_reference, rules, of_predictions, wanted, healthy)
        patients = {} if options.patients is None else read_patients(options.patients)
        same = same_case(of_reference)
        split = None if options.split is None else SplitPart(options.split, options.part or DEFAULT_PART, same)
        found = _find(pred, ref, split, patients, same)
        find = finder(ref, split) if is_store(ref) else split.prediction_of if split else None
        others = None if options.compare is None else find_others(options.compare, found.pairs, same, find)
        folders = split.folders(pred) if split else [pred]
        return cls(pred, ref, options, evaluator, found, others, folders, same)

    def evaluate(self, *, jobs: int = 1, pictures: bool = False, progress: ProgressListener = SILENT) -> Evaluation:
        """Score all cases; see `evaluate_study`."""
        from omentum.evaluate.foreign_labels import wanted_structures
        from omentum.evaluate.worst_cases import worst_cases

        understood = wanted_structures(self.options.structures) or ()
        for line in notes_on(understood):
            progress.note(line)
        for message in (*guesses_in(understood), *self._warnings()):
            progress.say("warning", message)
        pairs = self.found.pairs
        evaluated = evaluate_cases(pairs, self.evaluator, jobs, progress)
        second = None if self.others is None else evaluate_cases(self.others, self.evaluator, jobs, progress)
        drawn = worst_cases(evaluated, pairs, self.evaluator, progress) if pictures else []
        names = (str(self.predictions), str(self.options.compare))
        return Evaluation.of(evaluated, second, names, self.evaluator.rules, pictures=drawn, inputs=self._inputs())

    @property
    def inputs(self) -> list[Path]:
        """Predictions and references: files or folders."""
        return [path for path in (self.predictions, self.reference, self.options.compare) if path]

    def _inputs(self) -> dict[str, str]:
        options = self.options
        named = {
            "predictions": self.predictions,
            "reference": self.reference,
            "numbers of the reference": options.mapping or OWN_NUMBERS,
            "numbers of the predictions": options.pred_mapping or OWN_NUMBERS,
            "compared with": options.compare,
            "split": options.split and f"{options.split}, part {options.part or DEFAULT_PART}",
            "structures": options.structures,
            "healthy": options.healthy,
            "patients": options.patients,
            "tolerance": options.tolerance,
        }
        return {name: str(value) for name, value in named.items() if value}

    def _warnings(self) -> Iterator[str]:
        """Warnings before any case is scored."""
        from omentum.evaluate.reference_checks import doubted_numbers, unnamed_references
        from omentum.evaluate.seen_in_training import seen_in_training

        pairs, known, healthy = self.found.pairs, self.found.known, self.options.healthy
        yield from self.found.remarks
        lines = [unknown_predictions(one, known, self.same) for one in (*self.folders, self.options.compare) if one]
        lines += [unknown_healthy(healthy, self.evaluator.healthy, known)] if healthy else []
        unnamed = None if self.options.mapping else unnamed_references(pairs)
        doubted = doubted_numbers(pairs, self.evaluator) if unnamed else None
        yield from filter(None, [*lines, unnamed, doubted, seen_in_training(pairs)])


def evaluate_study(
    predictions: str | Path,
    reference: str | Path,
    *,
    options: EvaluationOptions | None = None,
    jobs: int = 1,
    pictures: bool = False,
    progress: ProgressListener = SILENT,
) -> Evaluation:
    """Evaluate the predictions of a model; compare them with a second model if the options name one.

    A case without a prediction, or with an unreadable one or one on another grid, counts as missed and is listed in the
    result (`evaluated.failed`, `evaluated.without`). If there is only one case, its error is raised.

    Args:
        predictions: A label map, the output folder of a case, or a folder of either.
        reference: A truth folder (case.json), a label map, a folder of either, or a prepared store.
        options: See `EvaluationOptions`.
        jobs: Number of parallel processes; each needs the memory of its scan.
        pictures: Draw the worst cases for the HTML page.
        progress: Receives warnings, errors and progress.

    Returns:
        Scores of every case and structure, their summary, and the comparison.

    Raises:
        InputError: there are no cases, no names match, or a list or mapping cannot be read.
        UsageError: unknown structure, or mutually exclusive options.
        GeometryError: there is a single case and its prediction is on another grid than its reference.
    """
    return Study.find(predictions, reference, options).evaluate(jobs=jobs, pictures=pictures, progress=progress)


def _find(pred: Path, ref: Path, split: SplitPart | None, patients: dict[str, str], same: IdOf) -> PairedCases:
    from omentum.evaluate.stored_reference import find_stored, is_store

    if is_store(ref):
        return find_stored(pred, ref, split, patients)
    pairs = find_pairs(pred, ref, patients, same, everywhere=split is not None)
    remarks = () if single_prediction(pred) or not ref.is_dir() else unknown_references(ref)
    found = PairedCases(pairs, frozenset(pair.name for pair in pairs), remarks)
    return found if split is None else split.of(found, pred)
