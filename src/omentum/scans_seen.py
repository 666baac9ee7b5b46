"""Which scans weights have learned from, as their checkpoint records it, and whether a scan is one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from omentum.fingerprint import SliceHashes, row_digests, scan_digest

TRAINED_ON = "trained_on"
"""Entry of `CheckpointSpec.training`: digests of the scans it learned from, see `omentum.fingerprint.scan_digest`."""
TRAINED_ON_ROWS = "trained_on_rows"
"""Another entry: digests of a few rows of slices of each, in one text: they identify scans with missing slices; see
`omentum.fingerprint.sketch`."""
STARTED_FROM = "started_from"
"""Another entry: the file that its training started from, and whether that one lists all scans it was trained on."""
SAYS_ALL = "says_all_trained_on"
"""Field of `STARTED_FROM`."""


@dataclass(frozen=True)
class ScansSeen:
    """The scans that weights have learned from.

    Args:
        digests: Of the scans, as far as recorded.
        rows: Of rows of slices of these scans; earlier versions wrote none.
        is_complete: Whether they learned from no other scan.
    """

    digests: frozenset[str] = frozenset()
    rows: frozenset[str] = frozenset()
    is_complete: bool = True

    @classmethod
    def of(cls, training: Mapping[str, Any]) -> ScansSeen:
        """Read from `CheckpointSpec.training`."""
        start = training.get(STARTED_FROM, {})
        return cls(
            frozenset(training.get(TRAINED_ON, ())),
            frozenset(str(training.get(TRAINED_ON_ROWS, "")).split()),
            TRAINED_ON in training and bool(start.get(SAYS_ALL, True)),
        )

    @classmethod
    def of_all(cls, several: Iterable[ScansSeen]) -> ScansSeen:
        """What several weights together have learned from."""
        each = list(several)
        return cls(
            frozenset[str]().union(*(one.digests for one in each)),
            frozenset[str]().union(*(one.rows for one in each)),
            all(one.is_complete for one in each),
        )

    def includes(self, hashes: SliceHashes) -> bool:
        """Whether a scan, a part of it, or one that contains it is among them.

        Args:
            hashes: Of the slices of the scan, see `omentum.fingerprint.slice_hashes`.
        """
        if scan_digest(hashes) in self.digests:
            return True
        return bool(self.rows) and not self.rows.isdisjoint(row_digests(hashes))
