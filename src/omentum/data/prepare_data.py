"""Prepare raw datasets into a training store, in one call; implements `omentum data prepare`."""

from __future__ import annotations

from pathlib import Path

from omentum.data.corrections import with_corrections
from omentum.data.datasets.find import Datasets, find_all_cases
from omentum.data.store.prepare import PreparationResult, prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.progress import SILENT, TaskListener


def prepare_data(
    datasets: Datasets,
    out: str | Path,
    options: StoreOptions | None = None,
    *,
    jobs: int = 1,
    progress: TaskListener = SILENT,
) -> PreparationResult:
    """Resample raw datasets to one grid and one set of structures, cropped and compressed for training.

    An interrupted run can be resumed by calling again: cases that are up to date are kept. A case is prepared again if
    its files, its recipe or the options have changed. A failed case is reported as an outcome, not as an exception.

    Args:
        datasets: Dataset name -> folder; names are those of `omentum data list` or paths of recipes.
        out: Folder of the store, new or to be updated.
        options: Grid and contents; by default 1.5 mm and all structures.
        jobs: Number of worker processes; each holds one case in memory (about 1 GB for a CT of 512 x 512 x 400).
        progress: Receives progress, and a warning or error for each affected case.

    Returns:
        One outcome per case.

    Raises:
        UsageError: A dataset is unknown, there is no case, two cases share a name, or the store was made with other
            options.
        InputError: A recipe is invalid, or a folder contains no case of its dataset.
        OutputError: The folder contains something else, is locked by another process, or cannot be written.
        MissingDependencyError: blosc2 is not installed.
    """
    found = find_all_cases(datasets)
    cases = [case for one in found.values() for case in one.cases]
    how = options or StoreOptions()
    return prepare(cases, out, how, jobs=jobs, correct=with_corrections, progress=progress)
