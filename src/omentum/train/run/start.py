"""Initial weights of a run (`init`): the scans they have seen, and their licences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from omentum.data.datasets.fingerprint import IdentifiedScan
from omentum.errors import warn_of_case
from omentum.fingerprint import SAYS_ALL, STARTED_FROM, ScansSeen
from omentum.model.pretrained import own_spec, weights_sha256
from omentum.model.terms import Terms, of_weights
from omentum.model.weights import locate
from omentum.spec import CheckpointSpec
from omentum.train.config.settings import TrainConfig


@dataclass(frozen=True)
class Start:
    """The weights of `init`; empty for a run from random weights.

    Args:
        path: The weights file.
        spec: Its description, if it is a checkpoint of this package. Other public backbones are assumed to have seen no
            annotated CT.
    """

    path: Path | None = None
    spec: CheckpointSpec | None = None

    @classmethod
    def of(cls, config: TrainConfig) -> Start:
        """Create from a configuration.

        Raises:
            CheckpointError: The file is missing or damaged.
            UsageError: `init` is neither a file nor the name of weights.
        """
        return cls.of_file(locate(config.init)) if config.init else cls()

    @classmethod
    def of_file(cls, path: Path) -> Start:
        """Create from a weights file.

        Raises:
            CheckpointError: The file is damaged.
        """
        return cls(path, own_spec(path))

    @cached_property
    def seen(self) -> ScansSeen:
        """The scans it was trained on; none for random weights."""
        return ScansSeen() if self.spec is None else self.spec.scans_seen

    @property
    def terms(self) -> list[Terms]:
        """Licences of its training data; empty for random weights."""
        return [] if self.path is None else of_weights(self.path.name, self.spec)

    def has_seen(self, scan: IdentifiedScan) -> bool:
        """Whether it was trained on this scan, or on a copy with fewer or more slices."""
        return self.seen.includes(scan.hashes)

    def record(self) -> dict[str, Any]:
        """Record for the checkpoints of the run: JSON-serialisable values, empty for random weights."""
        if self.path is None:
            return {}
        about = {"file": self.path.name, "sha256": weights_sha256(self.path), SAYS_ALL: self.seen.is_complete}
        return {STARTED_FROM: about}

    def warn_where_unknown(self, held_out: Iterable[IdentifiedScan]) -> None:
        """Warn if it is unknown whether the initial weights have seen held-out cases.

        Warns:
            CaseWarning: Cases are held out, and the file does not record what it was trained on.
        """
        if not self.seen.is_complete and any(True for _ in held_out):
            text = f"{self.path}: does not say which scans it learned from; it may have seen what is held out here"
            warn_of_case(text, stacklevel=2)
