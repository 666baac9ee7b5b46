"""Statistics of a store from its manifest: annotated structures, their volumes and intensities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from omentum.data.store.store import Store
from omentum.data.store.stored_case import StoredCase
from omentum.json_values import from_json_values
from omentum.schemas import Schema, read_stamped, stamped


@dataclass(frozen=True)
class Spread:
    """Distribution of a quantity over cases.

    Args:
        mean, sd, low, median, high: `low` and `high` are the 5th and 95th percentiles.
    """

    mean: float
    sd: float
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class StructureStatistics:
    """One structure over the cases of a dataset, or of all datasets.

    Args:
        annotated: Number of cases in which it is annotated.
        present: Number of these cases with a voxel of it.
        volume_ml: Volume in ml over the cases that have it; None if none has.
        hu: Mean HU over the same cases.
    """

    annotated: int
    present: int
    volume_ml: Spread | None
    hu: Spread | None


@dataclass(frozen=True)
class DatasetStatistics:
    """A dataset, or all datasets together.

    Args:
        cases: Number of cases in the store.
        patients: Number of distinct patients.
        failed: Number of cases that could not be prepared.
        structures: By key, every structure of the store.
    """

    cases: int
    patients: int
    failed: int
    structures: Mapping[str, StructureStatistics]


@dataclass(frozen=True)
class StoreStatistics:
    """Statistics of a store.

    Args:
        datasets: By key.
        together: All datasets combined.
    """

    datasets: Mapping[str, DatasetStatistics]
    together: DatasetStatistics

    def to_json(self) -> dict[str, Any]:
        """The statistics as JSON-serialisable values."""
        return stamped(Schema.STATISTICS, asdict(self))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> StoreStatistics:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed or of another version.
        """
        return from_json_values(cls, read_stamped(raw, Schema.STATISTICS))


def statistics(store: Store) -> StoreStatistics:
    """Compute the statistics; no volume is read."""
    failed = {key: len(dataset["failed"]) for key, dataset in store.manifest["datasets"].items()}
    by_dataset = {key: [case for case in store.cases if case.dataset == key] for key in failed}
    datasets = {key: _dataset(cases, failed[key], store.classes) for key, cases in by_dataset.items()}
    return StoreStatistics(datasets, _dataset(store.cases, sum(failed.values()), store.classes))


def _dataset(cases: Sequence[StoredCase], failed: int, classes: Sequence[str]) -> DatasetStatistics:
    patients = len({case.patient for case in cases})
    return DatasetStatistics(len(cases), patients, failed, {key: _structure(key, cases) for key in classes})


def _structure(key: str, cases: Sequence[StoredCase]) -> StructureStatistics:
    annotated = [case for case in cases if key in case.annotated]
    found = [case.structures[key] for case in annotated if key in case.structures]
    volumes, means = [facts.volume_ml for facts in found], [facts.hu_mean for facts in found]
    return StructureStatistics(len(annotated), len(found), _spread(volumes), _spread(means))


def _spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    low, median, high = (round(float(v), 3) for v in np.percentile(values, (5, 50, 95)))
    return Spread(round(float(np.mean(values)), 3), round(float(np.std(values)), 3), low, median, high)
