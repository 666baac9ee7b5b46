"""Raw datasets looked over before anybody trains on them, in one call; what `omentum data check` runs."""

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
    """The findings of a check.

    Args:
        datasets: Name -> the cases found, and files that are skipped or have no partner.
        checks: One for each case, in the order of the datasets.
        reuse: Scans and patients that occur more than once.
    """

    datasets: Mapping[str, DatasetCases]
    checks: tuple[CaseCheck, ...]
    reuse: Reuse

    @property
    def failed(self) -> bool:
        """Whether a case cannot be used."""
        return any(check.failed for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """All findings as JSON values."""
        return report(self.checks, self.reuse)

    def split(self, seed: int = 0) -> Split:
        """The usable cases as train, validation and test; cases of one patient stay together.

        Args:
            seed: Another seed, another split.
        """
        good = {check.name: check for check in self.checks if not check.failed}
        left = [kept for group in self.reuse.groups if (kept := [name for name in group if name in good])]
        parts = {part: tuple(names) for part, names in split_groups(left, seed=seed).items()}
        cases = {n: SplitCase(n, check.dataset, check.patient, hashes=check.hashes) for n, check in good.items()}
        return Split(parts, cases, {"omentum": version("omentum"), "seed": seed})


def check_data(datasets: Datasets, *, jobs: int = 1, progress: TaskListener = SILENT) -> DataCheck:
    """Read every case: pairs, geometry, label values, empty labels, intensities, sides, duplicates.

    Args:
        datasets: Name of a dataset -> its folder.
        jobs: Processes; each holds one case in memory.
        progress: Receives progress.

    Raises:
        UsageError: an unknown dataset, or two datasets whose cases have the same names.
        InputError: a recipe that cannot be, or a folder without a case of its dataset.
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
