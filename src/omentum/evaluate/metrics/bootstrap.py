"""Percentile bootstrap over patients.

Scans of one patient, and structures of one scan, are not independent, so whole patients are resampled. The resamples
depend only on the seed and the number of patients, so results are reproducible.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from omentum.evaluate.metrics.patients import Interval

DRAWS = 2000
SEED = 20231002


class Bootstrap:
    """Bootstrap resamples, drawn with replacement, of the size of the sample.

    Args:
        patients: Patient of each case; repetitions are ignored.
    """

    def __init__(self, patients: Iterable[str]) -> None:
        self._row = {patient: n for n, patient in enumerate(sorted(set(patients)))}
        size = max(1, len(self._row))
        draws = np.random.default_rng(SEED).multinomial(size, np.full(size, 1 / size), DRAWS)
        self._times_drawn = draws.astype(np.float32)

    def means(self, values: ArrayLike, patients: Sequence[str]) -> NDArray[np.float64]:
        """Mean over cases in each resample, float64 [DRAWS]; NaN for resamples without a case.

        Args:
            values: One value per case.
            patients: Patient of each value.
        """
        rows = [self._row[patient] for patient in patients]
        sums = np.bincount(rows, np.asarray(values, np.float64), minlength=len(self._row))
        counts = np.bincount(rows, minlength=len(self._row))
        drawn = self._times_drawn @ counts
        total = self._times_drawn @ sums
        return np.asarray(np.divide(total, drawn, out=np.full(DRAWS, np.nan), where=drawn > 0))

    def totals(self, values: ArrayLike, patients: Sequence[str]) -> NDArray[np.float64]:
        """Sums over cases in each resample, float64 [DRAWS, column].

        Args:
            values: [case, column].
            patients: Patient of each case.
        """
        values = np.asarray(values, np.float64)
        of_patient = np.zeros((len(self._row), values.shape[1]))
        np.add.at(of_patient, [self._row[patient] for patient in patients], values)
        return self._times_drawn @ of_patient

    def times_drawn(self, patients: Sequence[str]) -> NDArray[np.float32]:
        """How often each of the patients is in each resample, float32 [DRAWS, patient]."""
        return self._times_drawn[:, [self._row[patient] for patient in patients]]


def interval_95(means: NDArray[np.float64], patients: int) -> Interval | None:
    """95 % percentile interval of the resampled means; None for fewer than two patients."""
    known = means[np.isfinite(means)]
    if patients < 2 or not len(known):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def mean_of_means(rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean over structures of their means, in each resample; structures without a case are left out."""
    known = np.isfinite(rows)
    total = np.where(known, rows, 0.0).sum(axis=0)
    return np.asarray(np.divide(total, known.sum(axis=0), out=np.full(DRAWS, np.nan), where=known.any(axis=0)))
