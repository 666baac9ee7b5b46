"""Summary statistics of one metric over cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omentum.evaluate.metrics.bootstrap import Bootstrap, interval_95
from omentum.evaluate.metrics.patients import Interval


@dataclass(frozen=True)
class Observation:
    """Value of one case.

    Args:
        value: Value; None if undefined.
        patient: Patient of the case.
        missed: Whether the structure is in only one of prediction and reference, so that the value is a penalty.
    """

    value: float | None
    patient: str = ""
    missed: bool = False


@dataclass(frozen=True)
class Statistics:
    """Statistics over cases with a value; n is their number.

    Without any value everything but the counts is None.

    Args:
        n: Number of cases with a value.
        n_penalised: Number of these whose value is a penalty.
        mean, median, percentile_5, percentile_95: Over all n values (linear interpolation).
        mean_95: 95 % interval of the mean, by bootstrap over patients.
        mean_detected_only: Mean over the n - n_penalised values that are not penalties.
    """

    n: int
    n_penalised: int = 0
    mean: float | None = None
    mean_95: Interval | None = None
    mean_detected_only: float | None = None
    median: float | None = None
    percentile_5: float | None = None
    percentile_95: float | None = None


def statistics(observations: Iterable[Observation], bootstrap: Bootstrap | None = None) -> Statistics:
    """Compute the statistics; without a bootstrap the mean has no interval."""
    known = [o for o in observations if o.value is not None]
    if not known:
        return Statistics(0)
    values = _values(known)
    regular = _values(o for o in known if not o.missed)
    low, middle, high = np.percentile(values, [5, 50, 95])
    return Statistics(
        n=len(values),
        n_penalised=len(values) - len(regular),
        mean=float(values.mean()),
        mean_95=None if bootstrap is None else _interval(known, bootstrap),
        mean_detected_only=float(regular.mean()) if len(regular) else None,
        median=float(middle),
        percentile_5=float(low),
        percentile_95=float(high),
    )


def _interval(known: list[Observation], bootstrap: Bootstrap) -> Interval | None:
    patients = [o.patient for o in known]
    return interval_95(bootstrap.means(_values(known), patients), len(set(patients)))


def _values(observations: Iterable[Observation]) -> NDArray[np.float64]:
    return np.array([o.value for o in observations if o.value is not None])
