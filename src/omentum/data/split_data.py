"""Split cases by patient into folds and a test part, in one call; implements `omentum data split`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from omentum.data.splits.collection import kept_together, read_collections
from omentum.data.splits.split import FOLD, TEST, TRAIN, VALIDATION, Split
from omentum.data.splits.stratify import stratified
from omentum.errors import UsageError
from omentum.progress import SILENT, TaskListener


@dataclass(frozen=True)
class SplitOptions:
    """Options of a split.

    Args:
        folds: Number of cross-validation folds, at least 2; 0 makes the parts train and validation instead.
        test: Fraction of the cases in the test part, in [0, 1).
        validation: Without folds: fraction of the cases in the validation part; None means `VALIDATION_SHARE`.
        seed: Seed of the split.

    Raises:
        UsageError: The numbers leave nothing to train on.
    """

    folds: int = 5
    test: float = 0.2
    validation: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.folds < 0 or self.seed < 0:
            raise UsageError(f"folds and seed must be 0 or more, got {self.folds} and {self.seed}")
        if not 0 <= self.test < 1:
            raise UsageError(f"test must be a fraction from 0 to below 1, got {self.test:g}")
        if self.folds == 1:
            raise UsageError("one fold leaves none to train on", remedy="--folds 5, or --folds 0 for a plain split")
        if self.folds and self.validation is not None:
            raise UsageError("folds are validated on in turn, --validation is for a plain split", remedy="--folds 0")
        held = self.shares.get(VALIDATION, 0.0)
        if not self.folds and self.test + held >= 1:
            raise UsageError(f"test {self.test:g} and validation {held:g} leave nothing to train on")

    @property
    def shares(self) -> dict[str, float]:
        """Part -> its fraction of the cases; the fractions sum to 1."""
        if self.folds:
            tested = {TEST: self.test} if self.test else {}
            return tested | {f"{FOLD}{number}": (1 - self.test) / self.folds for number in range(self.folds)}
        held = VALIDATION_SHARE if self.validation is None else self.validation
        return {TRAIN: 1 - held - self.test, VALIDATION: held, TEST: self.test}


VALIDATION_SHARE = 0.1
"""Share of the part validation where nothing else is asked for."""


@dataclass(frozen=True)
class SplitResult:
    """A split and its statistics.

    Args:
        split: The split; save it with `Split.write`.
        patients: Number of groups of cases that stay together.
        shares: Part -> requested fraction.
    """

    split: Split
    patients: int
    shares: Mapping[str, float]

    @property
    def empty_parts(self) -> tuple[str, ...]:
        """Requested parts without a case, because there are too few patients."""
        return tuple(part for part, share in self.shares.items() if share > 0 and not self.split.parts.get(part))


def split_data(
    collections: str | Path | Sequence[str | Path],
    options: SplitOptions | None = None,
    *,
    progress: TaskListener = SILENT,
) -> SplitResult:
    """Split cases by patient, stratified by dataset and lesion type; identical scans stay together.

    The same cases yield the same split on every machine.

    Args:
        collections: Stores, and folders of cases; or one of them.
        options: Parts and their sizes.
        progress: Receives progress while folders of cases are read.

    Raises:
        UsageError: Two cases share a name, or there are fewer patients than parts.
        InputError: A collection has no cases or cannot be read.
    """
    options = options or SplitOptions()
    collections = [collections] if isinstance(collections, str | Path) else collections
    cases = read_collections([Path(place) for place in collections], progress.progress)
    groups = kept_together(cases)
    wanted = sum(share > 0 for share in options.shares.values())
    if len(groups) < wanted:
        raise UsageError(f"{len(groups)} patients are too few for {wanted} parts", remedy="fewer --folds, or --test 0")
    made = {"omentum": version("omentum"), "folds": options.folds, "test": options.test, "seed": options.seed}
    parts = stratified(groups, options.shares, options.seed)
    return SplitResult(Split(parts, {case.name: case for case in cases}, made), len(groups), options.shares)
