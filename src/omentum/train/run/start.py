"""What a run starts from: the weights of `init`, which scans these have seen, and under which terms they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from omentum.data.datasets.fingerprint import IdentifiedScan
from omentum.errors import warn_of_case
from omentum.fingerprint import row_digests, scan_digest
from omentum.model.pretrained import own_spec
from omentum.model.weights import locate
from omentum.spec import STARTED_FROM, CheckpointSpec
from omentum.train.config.settings import TrainConfig
from omentum.train.run.terms import Terms, of_weights


@dataclass(frozen=True)
class Start:
    """The weights of `init`; nothing for a run from random weights.

    Args:
        path: The file.
        spec: What it says of itself, if it is a checkpoint of this package. Public backbones are none: they are taken
            to have seen no annotated CT.
    """

    path: Path | None = None
    spec: CheckpointSpec | None = None

    @classmethod
    def of(cls, config: TrainConfig) -> Start:
        """As a configuration says.

        Raises:
            CheckpointError: the file is missing or damaged.
            UsageError: neither a file nor the name of weights.
        """
        if not config.init:
            return cls()
        path = locate(config.init)
        return cls(path, own_spec(path))

    @property
    def seen(self) -> frozenset[str]:
        """Digests of the scans it learned from, as far as it says."""
        return frozenset() if self.spec is None else self.spec.trained_on

    @cached_property
    def rows(self) -> frozenset[str]:
        """Digests of rows of slices of these, see `omentum.fingerprint.sketch`."""
        return frozenset() if self.spec is None else self.spec.trained_on_rows

    @property
    def says_all(self) -> bool:
        """Whether it has learned from nothing else."""
        return self.spec is None or self.spec.says_all_trained_on

    @property
    def terms(self) -> list[Terms]:
        """Of what it was made from; nothing for random weights."""
        return [] if self.path is None else of_weights(self.path.name, self.spec)

    def has_seen(self, scan: IdentifiedScan) -> bool:
        """Whether it learned from this very scan, or from a copy of which slices were cut away, or that has more."""
        if scan_digest(scan.hashes) in self.seen:
            return True
        return bool(self.rows) and not self.rows.isdisjoint(row_digests(scan.hashes))

    def record(self) -> dict[str, Any]:
        """For the checkpoints of the run: JSON values, nothing for random weights."""
        if self.path is None:
            return {}
        return {STARTED_FROM: {"file": self.path.name, "says_all_trained_on": self.says_all}}

    def warn_where_unknown(self, held_out: Iterable[IdentifiedScan]) -> None:
        """Say that nobody can know whether it has seen what is held out.

        Warns:
            CaseWarning: something is held out, and the file does not say what it learned from.
        """
        if not self.says_all and any(True for _ in held_out):
            text = f"{self.path}: does not say which scans it learned from; it may have seen what is held out here"
            warn_of_case(text, stacklevel=2)
