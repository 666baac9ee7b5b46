"""Lesion detection over all thresholds and cases: patient-level ROC, lesion-level FROC, and operating points.

ROC: the score of a patient is the highest probability in any scan. The area under the curve is the share of pairs of a
    diseased and a healthy patient that the scores rank correctly; ties count half (Hanley and McNeil 1982). FROC:
    lesion sensitivity against false positives per scan (Bunch et al. 1978), summarised by the mean sensitivity at 1/8,
    1/4, 1/2, 1, 2, 4 and 8 false positives per scan (LUNA16: Setio et al. 2017). The sensitivity at a rate is the
    highest of all thresholds within the rate; 0 if there is none. Intervals are bootstraps over patients.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.evaluate.metrics.bootstrap import Bootstrap, interval_95
from omentum.evaluate.metrics.case_scores import CaseScores, StructureScore
from omentum.evaluate.metrics.detection import SIZE_BINS_MM
from omentum.evaluate.metrics.operating import THRESHOLDS, Curve
from omentum.evaluate.metrics.overlap import ratio
from omentum.evaluate.metrics.patients import Interval
from omentum.evaluate.metrics.status import Status
from omentum.json_values import from_json_values

RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False positives per scan at which the FROC curve is evaluated."""

NO_SCORE = -1.0
"""Score of a patient without a prediction: lower than all others."""


@dataclass(frozen=True)
class Roc:
    """Patient-level detection over all thresholds.

    Args:
        diseased, healthy: Number of patients.
        auc: Area under the curve; None without a patient in each group.
        auc_95: Bootstrap interval of the area; resamples without a patient in each group are left out.
        points: (1 - specificity, sensitivity) from the highest threshold to the lowest.
    """

    diseased: int
    healthy: int
    auc: float | None
    auc_95: Interval | None
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class OperatingPoint:
    """Point of a FROC curve at one rate.

    Args:
        rate: Allowed false positives per scan.
        threshold: Probability threshold; None if no threshold detects a lesion within the rate, or if there are no
            reference lesions.
        false_positives_per_scan, sensitivity: Values at that threshold; None without reference lesions.
        sensitivity_by_size: Sensitivity by lesion size.
    """

    rate: float
    threshold: float | None
    false_positives_per_scan: float | None
    sensitivity: float | None
    sensitivity_by_size: Mapping[str, float | None]


@dataclass(frozen=True)
class Froc:
    """Lesion-level detection over all thresholds.

    Args:
        scans: Number of scans with a prediction, for false positives per scan.
        lesions: Number of reference lesions, including scans without a prediction.
        sensitivity, false_positives_per_scan: Values at each of `THRESHOLDS`.
        points: Operating points at each of `RATES`.
        mean_sensitivity: Mean over `RATES`; None without a lesion or a scan.
        mean_sensitivity_95: Bootstrap interval of the mean sensitivity.
    """

    scans: int
    lesions: int
    sensitivity: tuple[float | None, ...]
    false_positives_per_scan: tuple[float | None, ...]
    points: tuple[OperatingPoint, ...]
    mean_sensitivity: float | None
    mean_sensitivity_95: Interval | None


@dataclass(frozen=True)
class LesionCurves:
    """Curves of one lesion type over all cases.

    Args:
        key: Structure key.
        source: Source of the probabilities; see `Curve`.
        cases: Number of annotated cases with probabilities, or without any prediction.
        without: Number of annotated cases with a prediction but without probabilities; in neither curve.
        roc, froc: The curves.
    """

    key: str
    source: str
    cases: int
    without: int
    roc: Roc
    froc: Froc

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return asdict(self) | {"thresholds": THRESHOLDS}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> LesionCurves:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, {name: value for name, value in raw.items() if name != "thresholds"})


@dataclass(frozen=True)
class _Case:
    """Counts of one case."""

    patient: str
    has_prediction: bool
    score: float
    present: bool
    lesions: Mapping[str, int]
    found: Mapping[str, tuple[int, ...]]
    false: tuple[int, ...]


def lesion_curves(cases: Sequence[CaseScores]) -> tuple[LesionCurves, ...]:
    """Curves of every lesion type with probabilities in some case, in the order of the scores."""
    keys = dict.fromkeys(key for case in cases for key in case.curves)
    return tuple(_of_type(key, cases) for key in keys)


def auc(diseased: Sequence[float], healthy: Sequence[float]) -> float | None:
    """Area under the ROC curve from patient scores; None without a patient in each group."""
    return float(_in_order(diseased, healthy).mean()) if len(diseased) and len(healthy) else None


def _of_type(key: str, cases: Sequence[CaseScores]) -> LesionCurves:
    found, without = [], 0
    for case in cases:
        score = next((s for s in case.structures if s.key == key), None)
        if key in case.curves:
            found.append(_with_curve(case.patient, case.curves[key]))
        elif score is not None and not case.has_prediction:
            found.append(_unanswered(case.patient, score))
        elif score is not None and score.status is not Status.NOT_ANNOTATED:
            without += 1
    sources = dict.fromkeys(case.curves[key].source for case in cases if key in case.curves)
    return LesionCurves(key, " and ".join(sources), len(found), without, _roc(found), _froc(found))


def _with_curve(patient: str, one: Curve) -> _Case:
    return _Case(patient, True, one.score, one.present, one.lesions, one.found, one.false)


def _unanswered(patient: str, score: StructureScore) -> _Case:
    totals = {} if score.lesions is None else {size: found.total for size, found in score.lesions.by_size.items()}
    nothing = (0,) * len(THRESHOLDS)
    return _Case(patient, False, NO_SCORE, True, totals, dict.fromkeys(SIZE_BINS_MM, nothing), nothing)


def _roc(cases: Iterable[_Case]) -> Roc:
    scores: dict[str, float] = {}
    present: dict[str, bool] = {}
    for case in cases:
        scores[case.patient] = max(scores.get(case.patient, NO_SCORE), case.score)
        present[case.patient] = present.get(case.patient, False) or case.present
    diseased = [score for patient, score in scores.items() if present[patient]]
    healthy = [score for patient, score in scores.items() if not present[patient]]
    return Roc(
        len(diseased), len(healthy), auc(diseased, healthy), _auc_95(scores, present), _roc_points(diseased, healthy)
    )


def _roc_points(diseased: Sequence[float], healthy: Sequence[float]) -> tuple[tuple[float, float], ...]:
    if not diseased or not healthy:
        return ()
    cuts = sorted({score for score in (*diseased, *healthy) if score > NO_SCORE}, reverse=True)
    ill, well = np.array(diseased), np.array(healthy)
    points = [(float((well >= cut).mean()), float((ill >= cut).mean())) for cut in cuts]
    return ((0.0, 0.0), *points, (1.0, 1.0))


def _in_order(diseased: Sequence[float], healthy: Sequence[float]) -> NDArray[np.float64]:
    """1 if the diseased patient of a pair has the higher score, 1/2 for a tie, [diseased, healthy]."""
    ill, well = np.asarray(diseased, np.float64)[:, None], np.asarray(healthy, np.float64)
    return np.asarray((ill > well) + 0.5 * (ill == well))


def _auc_95(scores: Mapping[str, float], present: Mapping[str, bool]) -> Interval | None:
    patients = list(scores)
    drawn = Bootstrap(patients).times_drawn(patients)
    ill = np.array([present[patient] for patient in patients], bool)
    values = np.array([scores[patient] for patient in patients])
    right = np.einsum("dp,ph,dh->d", drawn[:, ill], _in_order(values[ill], values[~ill]), drawn[:, ~ill], optimize=True)
    pairs = drawn[:, ill].sum(axis=1) * drawn[:, ~ill].sum(axis=1)
    shares = np.divide(right, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return interval_95(shares, min(int(ill.sum()), int((~ill).sum())))


def _froc(cases: Sequence[_Case]) -> Froc:
    # One row per case: found at each threshold, false at each threshold, lesions, scans.
    rows = np.array(
        [[*_found(case), *case.false, sum(case.lesions.values()), case.has_prediction] for case in cases], float
    )
    total = rows.sum(axis=0, keepdims=True)
    sensitivity, false_positives_per_scan = _rates(total)
    means = _mean_at_rates(sensitivity, false_positives_per_scan)
    patients = [case.patient for case in cases]
    drawn = _mean_at_rates(*_rates(Bootstrap(patients).totals(rows, patients)))
    return Froc(
        scans=int(total[0, -1]),
        lesions=int(total[0, -2]),
        sensitivity=_known(sensitivity[0]),
        false_positives_per_scan=_known(false_positives_per_scan[0]),
        points=tuple(_point(rate, cases, sensitivity[0], false_positives_per_scan[0]) for rate in RATES),
        mean_sensitivity=_known(means)[0],
        mean_sensitivity_95=interval_95(drawn, len({case.patient for case in cases if case.lesions})),
    )


def _found(case: _Case) -> NDArray[np.int64]:
    return np.asarray(np.array([case.found[size] for size in SIZE_BINS_MM]).sum(axis=0))


def _rates(totals: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sensitivity and false positives per scan, [resample, threshold]; NaN without lesions or scans."""
    n = len(THRESHOLDS)
    with np.errstate(invalid="ignore", divide="ignore"):
        return totals[:, :n] / totals[:, -2:-1], np.where(
            totals[:, -1:] > 0, totals[:, n : 2 * n] / totals[:, -1:], np.nan
        )


def _mean_at_rates(
    sensitivity: NDArray[np.float64], false_positives_per_scan: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean over `RATES` of the highest sensitivity within the rate, [resample]."""
    known = np.isfinite(sensitivity).all(axis=1) & np.isfinite(false_positives_per_scan).all(axis=1)
    best = [np.where(false_positives_per_scan <= rate, sensitivity, 0.0).max(axis=1) for rate in RATES]
    return np.where(known, np.mean(best, axis=0), np.nan)


def _point(
    rate: float, cases: Sequence[_Case], sensitivity: NDArray[np.float64], false_positives_per_scan: NDArray[np.float64]
) -> OperatingPoint:
    within = np.flatnonzero(false_positives_per_scan <= rate)
    if np.isnan(sensitivity).all():
        return OperatingPoint(rate, None, None, None, dict.fromkeys(SIZE_BINS_MM, None))
    if not len(within) or not sensitivity[within].max():
        return OperatingPoint(rate, None, 0.0, 0.0, dict.fromkeys(SIZE_BINS_MM, None))
    # Among equally good thresholds, take the last, which is the highest.
    at = int(within[np.flatnonzero(sensitivity[within] == sensitivity[within].max())[-1]])
    by_size = {
        size: ratio(sum(case.found[size][at] for case in cases), sum(case.lesions.get(size, 0) for case in cases))
        for size in SIZE_BINS_MM
    }
    return OperatingPoint(rate, THRESHOLDS[at], float(false_positives_per_scan[at]), _known(sensitivity)[at], by_size)


def _known(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(float(value) if np.isfinite(value) else None for value in values)
