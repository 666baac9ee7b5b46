"""Check raw datasets before training, in one call; implements `omentum data check`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from omentum.data.datasets.find import Datasets, find_all_cases
from omentum.data.datasets.raw_case import DatasetCases
from omentum.data.harmonise.check import CaseCheck, check_case, died
from omentum.data.harmonise.duplicates import Reuse, find_reuse, report, with_reuse
from omentum.data.splits.split import Split, SplitCase, split_groups
from omentum.errors import UsageError
from omentum.process_pool import map_in_processes
from omentum.progress import SILENT, TaskListener


@dataclass(frozen=True)
class DataCheck:
    """Findings of a dataset check.

    Args:
        datasets: Dataset name -> its cases, with the files that were skipped or have no counterpart.
        checks: One check per case, in dataset order.
        reuse: Scans and patients that occur more than once.
    """

    datasets: Mapping[str, DatasetCases]
    checks: tuple[CaseCheck, ...]
    reuse: Reuse

    @property
    def failed(self) -> bool:
        """Whether at least one case cannot be used."""
        return any(check.failed for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """All findings as JSON-serialisable values."""
        return report(self.checks, self.reuse)

    def split(self, seed: int = 0) -> Split:
        """Split the usable cases into train, validation and test; all cases of a patient stay together.

        Args:
            seed: Seed of the split.
        """
        good = {check.name: check for check in self.checks if not check.failed}
        left = [kept for group in self.reuse.groups if (kept := [name for name in group if name in good])]
        parts = {part: tuple(names) for part, names in split_groups(left, seed=seed).items()}
        cases = {n: SplitCase(n, check.dataset, check.patient, hashes=check.hashes) for n, check in good.items()}
        return Split(parts, cases, {"omentum": version("omentum"), "seed": seed})


def check_data(datasets: Datasets, *, jobs: int = 1, progress: TaskListener = SILENT) -> DataCheck:
    """Read every case and check pairing, geometry, label values, empty labels, intensities, laterality and duplicates.

    Args:
        datasets: Dataset name -> its folder.
        jobs: Number of worker processes; each holds one case in memory.
        progress: Receives progress updates.

    Raises:
        UsageError: A dataset is unknown, or two datasets contain cases with the same name.
        InputError: A recipe is invalid, or a folder contains no case of its dataset.
    """
    found = find_all_cases(datasets)
    cases = [case for one in found.values() for case in one.cases]
    if len({case.name for case in cases}) < len(cases):
        keys = ", ".join(f"{name} is {one.cases[0].recipe.key!r}" for name, one in found.items() if one.cases)
        raise UsageError(f"two of the datasets have the same name: {keys}", remedy="rename one recipe's file")
    checks: dict[str, CaseCheck] = {}
    for case, check in map_in_processes(check_case, cases, jobs):
        checks[case.name] = check or died(case)
        progress.progress(len(checks), len(cases))
    in_order = [checks[case.name] for case in cases]
    reuse = find_reuse(in_order)
    return DataCheck(found, tuple(with_reuse(in_order, reuse)), reuse)
