"""Recognise a scan in any file: one hash per slice.

A slice's hash is made of how many voxels it has of each soft-tissue CT number. That does not change when an image is
saved with another dtype, flipped, turned or permuted, when slices or air around the body are cut away, when the
affine or spacing says something else, or when padding and the ends of the scale are clipped. It does change when
the image is resampled, smoothed or rescaled: such copies are not recognised. Nor are those that leave out slices
unevenly all over, or keep fewer than every third one (`omentum.data.datasets.fingerprint` matches rows of slices).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.volume import Volume

SOFT_TISSUE_HU = (-149, 199)
"""Counted, both ends included: within what usual clipping leaves untouched."""
LEAST_VOXELS = 256
"""Slices with less soft tissue are not informative."""

TRAINED_ON = "trained_on"
"""Entry of `CheckpointSpec.training`: digests of the scans it learned from, see `scan_digest`."""
TRAINED_ON_ROWS = "trained_on_rows"
"""Another entry: digests of a few rows of slices of each, in one text: they identify scans with missing slices; see
`sketch`."""
STARTED_FROM = "started_from"
"""Another entry: the file that its training started from, and whether that one lists all scans it was trained on."""
SAYS_ALL = "says_all_trained_on"
"""Field of `STARTED_FROM`."""

SliceHashes = tuple[str, ...]
"""One for each slice from the feet up, "" for a slice that is not informative."""

LEAST_RUN = 4
"""Consecutive common slices that identify a scan; one or two repeated slices occur within one scan."""
LEAST_DISTINCT = 3
"""Of them; blanks of a scanner repeat each other."""
STRIDES = (1, 2, 3)
"""In a row: every slice of a scan, every second one, every third; for copies that leave slices out."""
MOST_REPEATS = 8
"""A hash that one scan has more often than this is a blank of its scanner, not anatomy, in that scan."""
SKETCHED = 8
"""Rows that stand for a scan, of each stride: of one that was cut in half one is missed once in 2^8."""


def slice_hashes(ct: Volume) -> SliceHashes:
    """Fingerprint of a scan.

    Args:
        ct: HU.
    """
    axis = next(a for a, (world, _) in enumerate(ct.grid.axis_directions()) if world == 2)
    slices = np.moveaxis(ct.voxels, axis, 0)
    hashes = tuple(_hash(plane) for plane in slices)
    return hashes if ct.grid.axis_directions()[axis][1] > 0 else hashes[::-1]


def _hash(plane: NDArray[Any]) -> str:
    low, high = SOFT_TISSUE_HU
    with np.errstate(invalid="ignore"):
        values = plane[(plane > low - 0.5) & (plane < high + 0.5)]
    if values.size < LEAST_VOXELS:
        return ""
    counts = np.bincount((np.rint(values) - low).astype(np.int64), minlength=high - low + 1)
    if np.count_nonzero(counts) < 2:
        return ""
    return hashlib.blake2b(counts.astype("<u4").tobytes(), digest_size=8).hexdigest()


def scan_digest(hashes: SliceHashes) -> str:
    """One short hash of a whole scan, independent of its direction; "" without an informative slice.

    It does not recognise a scan of which slices were cut away: see `sketch` for that.
    """
    told = sorted(digest for digest in hashes if digest)
    return hashlib.blake2b("".join(told).encode(), digest_size=8).hexdigest() if told else ""


def row_digests(hashes: SliceHashes) -> frozenset[str]:
    """All rows of a scan by which copies of it are found, each as one hash."""
    return frozenset(map(_digest, rows_of(without_blanks(hashes))))


def sketch(hashes: SliceHashes) -> frozenset[str]:
    """A fixed small subset of the `row_digests`: enough to recognise this scan, or a part of it, in another one."""
    telling = without_blanks(hashes)
    each = (sorted(map(_digest, rows_of(telling, [stride])))[:SKETCHED] for stride in STRIDES)
    return frozenset(digest for few in each for digest in few)


def _digest(row: tuple[str, ...]) -> str:
    return hashlib.blake2b("".join(row).encode(), digest_size=8).hexdigest()


def without_blanks(hashes: SliceHashes) -> SliceHashes:
    """The hashes with "" for the blanks of a scanner."""
    counts = Counter(hashes)
    return tuple("" if counts[digest] > MOST_REPEATS else digest for digest in hashes)


def rows_of(hashes: SliceHashes, strides: Sequence[int] = STRIDES) -> set[tuple[str, ...]]:
    """Runs of `LEAST_RUN` informative slices, each in a form that does not depend on the direction of the scan."""
    span = LEAST_RUN - 1
    rows = (
        hashes[first : first + span * stride + 1 : stride]
        for stride in strides
        for first in range(len(hashes) - span * stride)
    )
    return {min(row, row[::-1]) for row in rows if all(row) and len(set(row)) >= LEAST_DISTINCT}


def written(hashes: SliceHashes) -> str:
    """Hashes as one text, which `hashes_of` reads."""
    return " ".join(digest or "-" for digest in hashes)


def hashes_of(text: str) -> SliceHashes:
    """Parse the text made by `written`."""
    return tuple("" if digest == "-" else digest for digest in text.split())


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
            hashes: Of the slices of the scan, see `slice_hashes`.
        """
        if scan_digest(hashes) in self.digests:
            return True
        return bool(self.rows) and not self.rows.isdisjoint(row_digests(hashes))
