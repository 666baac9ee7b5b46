"""Paired comparison of two models on the same cases: difference, uncertainty and significance.

Differences are taken per case (first minus second), averaged over the scans of a patient, and tested over patients with
Wilcoxon's signed-rank test. p-values are corrected over the structures of a metric with Holm's method. A case counts
only if both models have a value. For an absent structure, a true negative has no value, so a false positive of the
other model appears in the patient table, not here. Means of both models are over the structures and cases on which both
were evaluated; structures evaluated for only one model are listed.
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
from omentum.evaluate.metrics.case_scores import CaseScores, StructureScore
from omentum.evaluate.metrics.patients import Interval
from omentum.evaluate.metrics.scope import in_order
from omentum.evaluate.metrics.statistics import Statistics
from omentum.evaluate.metrics.summary import Summary, summarise
from omentum.evaluate.metrics.table import COMPARED, Metric
from omentum.json_values import from_json_values


@dataclass(frozen=True)
class PairedDifference:
    """Paired difference of one metric for one structure.

    Args:
        structure: Key.
        metric: Key of `COMPARED`.
        patients: Number of patients with a value from both models.
        mean: Mean of first minus second.
        mean_95: Bootstrap interval of the mean over patients.
        first_better, second_better: Number of patients for which that model is better; the rest are ties.
        effect: Matched-pairs rank-biserial correlation: share of ranks that favour the first model minus share that
            favours the second, -1..1; None when all are ties.
        p: Two-sided Wilcoxon; 1 when all are ties.
        p_holm: p corrected over the structures with Holm's method.
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
    """Comparison over all structures and metrics that two models have in common.

    Args:
        first, second: Names of the models.
        cases: Number of cases both were evaluated on.
        differences: By metric, then in template order.
        structures: Keys evaluated for both models in some case; the means below are over these.
        only_first, only_second: Keys evaluated for only one of the models; not part of any number here.
        organ_dice, lesion_dice: Mean Dice of both models, (first, second); see `Summary`.
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
        """Convert to JSON-serialisable values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Comparison:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, raw)


def compare(
    first: Sequence[CaseScores], second: Sequence[CaseScores], *, names: tuple[str, str] = ("first", "second")
) -> Comparison:
    """Compare two models on their common cases, by name.

    Raises:
        UsageError: they have no case in common.
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
    """The same case restricted to structures evaluated for both models."""
    common = _evaluated([one]) & _evaluated([other])
    first, second = (
        replace(case, structures=tuple(s for s in case.structures if s.key in common), not_evaluated={}, curves={})
        for case in (one, other)
    )
    return first, second


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979), in the given order."""
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
    """Rank-biserial correlation (Kerby 2014): (positive - negative) / all ranks, without ties; None if all tie."""
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
