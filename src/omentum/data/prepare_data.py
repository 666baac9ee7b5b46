"""Raw datasets to a store for training, in one call; what `omentum data prepare` runs."""

from __future__ import annotations

from pathlib import Path

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
    """Bring raw datasets to one grid and one set of structures, cropped and compressed for training.

    It may be interrupted at any time and called again: cases that are up to date are kept. A case is made anew when its
    files, its recipe or the options changed. One bad case is an outcome, not an exception.

    Args:
        datasets: Name of a dataset -> its folder; names are those of `omentum data list`, or paths of recipes.
        out: Folder of the store: a new one, or one to bring up to date.
        options: Grid and contents; by default 1.5 mm and all structures.
        jobs: Processes; each holds one case in memory (about 1 GB for a CT of 512 x 512 x 400).
        progress: Receives progress, and a warning or an error for each case that has one.

    Returns:
        One outcome for each case.

    Raises:
        UsageError: an unknown dataset, no case, two cases of one name, or a store made with other options.
        InputError: a recipe that cannot be, or a folder without a case of its dataset.
        OutputError: the folder holds something else, is in use by another process, or cannot be written.
        MissingDependencyError: blosc2 is not installed.
    """
    found = find_all_cases(datasets)
    cases = [case for one in found.values() for case in one.cases]
    return prepare(cases, out, options or StoreOptions(), jobs=jobs, progress=progress)
