"""Two models on the same cases: by how much one is better, how sure that is, and how often it is so.

Differences are taken case by case (first minus second), averaged over the scans of a patient, and tested over patients
with Wilcoxon's signed-rank test. p-values are corrected over the structures of a metric with Holm's method. A case
counts only where both models have a number: a structure that is not there and that one model rightly leaves out has
none, so a false alarm of the other shows in the patient table, not here. Means of both models are over the structures,
and the cases of each, that both were evaluated on; what only one of them was evaluated on is named.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import UsageError
from omentum.evaluate.metrics.bootstrap import Bootstrap, interval_95
from omentum.evaluate.metrics.patients import Interval
from omentum.evaluate.metrics.scope import in_order
from omentum.evaluate.metrics.scores import CaseScores, StructureScore
from omentum.evaluate.metrics.statistics import Statistics
from omentum.evaluate.metrics.summary import Summary, summarise
from omentum.evaluate.metrics.table import COMPARED, Metric
from omentum.json_values import from_json_values


@dataclass(frozen=True)
class PairedDifference:
    """One metric of one structure.

    Args:
        structure: Key.
        metric: Key of `COMPARED`.
        patients: Patients with a number from both models.
        mean: Of first minus second.
        mean_95: Its bootstrap interval over patients.
        first_better, second_better: Patients; the rest are ties.
        effect: Matched-pairs rank-biserial correlation: share of ranks that favour the first model minus share that
            favours the second, -1..1; None when all are ties.
        p: Two-sided Wilcoxon; 1 when all are ties.
        p_holm: Corrected over the structures.
    """

    structure: str
    metric: str
    patients: int
    mean: float
    mean_95: Interval | None
    first_better: int
    second_better: int
    effect: float | None
    p: float
    p_holm: float = math.nan


@dataclass(frozen=True)
class Comparison:
    """All structures and metrics two models have in common.

    Args:
        first, second: Names of the models.
        cases: Number of cases both were evaluated on.
        differences: By metric, then in template order.
        structures: Keys that both were evaluated on in some case; the means below are over these.
        only_first, only_second: Keys that only one of them was evaluated on; in no number here.
        organ_dice, lesion_dice: The headline means of both, (first, second); see `Summary`.
    """

    first: str
    second: str
    cases: int
    differences: tuple[PairedDifference, ...]
    structures: tuple[str, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    organ_dice: tuple[Statistics, Statistics]
    lesion_dice: tuple[Statistics, Statistics]

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Comparison:
        """Read what `to_json` made.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return from_json_values(cls, raw)


def compare(
    first: Sequence[CaseScores], second: Sequence[CaseScores], *, names: tuple[str, str] = ("first", "second")
) -> Comparison:
    """Compare two models on the cases they share, by name.

    Raises:
        UsageError: they share none.
    """
    others = {case.case: case for case in second}
    pairs = [(case, others[case.case]) for case in first if case.case in others]
    if not pairs:
        raise UsageError("the two models have no case in common", remedy="predictions are matched by case name")
    found = [row for metric in COMPARED for row in _corrected(_rows(pairs, metric))]
    shared = [_shared(*pair) for pair in pairs]
    common = {score.key for case, _ in shared for score in case.structures if score.status.is_evaluated}
    only = [in_order(_evaluated(cases) - common) for cases in zip(*pairs, strict=True)]
    means: list[Summary] = [summarise(cases) for cases in zip(*shared, strict=True)]
    return Comparison(
        *names,
        cases=len(pairs),
        differences=tuple(found),
        structures=in_order(common),
        only_first=only[0],
        only_second=only[1],
        organ_dice=(means[0].organ_dice, means[1].organ_dice),
        lesion_dice=(means[0].lesion_dice, means[1].lesion_dice),
    )


def _evaluated(cases: Iterable[CaseScores]) -> set[str]:
    return {score.key for case in cases for score in case.structures if score.status.is_evaluated}


def _shared(one: CaseScores, other: CaseScores) -> tuple[CaseScores, CaseScores]:
    """The same case with the structures that both models were evaluated on."""
    common = _evaluated([one]) & _evaluated([other])
    first, second = (
        replace(case, structures=tuple(s for s in case.structures if s.key in common), not_evaluated={}, curves={})
        for case in (one, other)
    )
    return first, second


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979), in the order given."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, n in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, p_values[n] * (len(p_values) - rank)))
        corrected[n] = largest
    return corrected


def _rows(pairs: Sequence[tuple[CaseScores, CaseScores]], metric: Metric) -> list[PairedDifference]:
    bootstrap = Bootstrap(case.patient for case, _ in pairs)
    by_key: dict[str, dict[str, list[float]]] = {}
    for one, other in pairs:
        theirs = {score.key: score for score in other.structures}
        for score in one.structures:
            difference = _difference(score, theirs.get(score.key), metric.key)
            if difference is not None:
                by_key.setdefault(score.key, {}).setdefault(one.patient, []).append(difference)
    return [_row(key, metric, by_key[key], bootstrap) for key in in_order(by_key)]


def _difference(one: StructureScore, other: StructureScore | None, metric: str) -> float | None:
    a, b = getattr(one, metric), None if other is None else getattr(other, metric)
    return None if a is None or b is None else a - b


def _row(key: str, metric: Metric, patients: Mapping[str, Sequence[float]], bootstrap: Bootstrap) -> PairedDifference:
    differences = np.array([np.mean(values) for values in patients.values()])
    favour = differences if metric.better == "higher" else -differences
    return PairedDifference(
        structure=key,
        metric=metric.key,
        patients=len(differences),
        mean=float(differences.mean()),
        mean_95=interval_95(bootstrap.means(differences, list(patients)), len(patients)),
        first_better=int((favour > 0).sum()),
        second_better=int((favour < 0).sum()),
        effect=rank_biserial(favour),
        p=_wilcoxon(differences),
    )


def rank_biserial(favour: NDArray[np.float64]) -> float | None:
    """(Ranks above 0 - ranks below) / all ranks, ties left out; None when all are ties (Kerby 2014)."""
    from scipy.stats import rankdata

    favour = favour[favour != 0]
    if not len(favour):
        return None
    ranks = rankdata(np.abs(favour))
    return float((ranks * np.sign(favour)).sum() / ranks.sum())


def _wilcoxon(differences: NDArray[np.float64]) -> float:
    from scipy.stats import wilcoxon

    differences = differences[differences != 0]
    return float(wilcoxon(differences).pvalue) if len(differences) else 1.0


def _corrected(rows: Sequence[PairedDifference]) -> list[PairedDifference]:
    corrected = holm([row.p for row in rows])
    return [PairedDifference(**asdict(row) | {"p_holm": p}) for row, p in zip(rows, corrected, strict=True)]
