"""Which CTs are the same scan, whatever file they lie in: one hash a slice, matched as runs of slices.

A slice's hash is made of how many voxels it has of each soft-tissue CT number. That does not change when an image is
saved with another dtype, flipped, turned or permuted, when slices or air around the body are cut away, when the
affine or spacing says something else, or when padding and the ends of the scale are clipped. It does change when
the image is resampled, smoothed or rescaled: such copies are not found.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.volume import Volume

SOFT_TISSUE_HU = (-149, 199)
"""Counted, both ends included: within what usual clipping leaves untouched."""
LEAST_VOXELS = 256
"""A slice with less soft tissue says nothing."""
LEAST_RUN = 4
"""So many consecutive slices in common make the same scan; a repeated slice or two happen within one."""
LONGEST_LIST = 50
"""A hash that occurs in more places than this is a blank of some scanner, not anatomy."""

SliceHashes = tuple[str, ...]
"""One for each slice from the feet up, "" for a slice that says nothing."""


@dataclass(frozen=True)
class Match:
    """Two names with the same scan.

    Args:
        first, second: In alphabetical order.
        slices: Length of the longest run in common.
    """

    first: str
    second: str
    slices: int


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


def find_matches(scans: Mapping[str, SliceHashes]) -> list[Match]:
    """All pairs of names whose scans share a run of slices, the same way up or upside down."""
    places: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for name in sorted(scans):
        for k, digest in enumerate(scans[name]):
            if digest:
                places[digest].append((name, k))
    shared: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for where in places.values():
        for n, (name, k) in enumerate(where if len(where) <= LONGEST_LIST else ()):
            for other, at in where[n + 1 :]:
                if other != name:
                    shared[name, other].append((k, at))
    runs = {pair: _longest_run(common) for pair, common in shared.items()}
    return [Match(*pair, run) for pair, run in sorted(runs.items()) if run >= LEAST_RUN]


def _longest_run(common: Sequence[tuple[int, int]]) -> int:
    """Most consecutive slices that lie in the same or in the opposite order in both."""
    upright: dict[int, list[int]] = defaultdict(list)
    inverted: dict[int, list[int]] = defaultdict(list)
    for k, at in common:
        upright[at - k].append(k)
        inverted[at + k].append(k)
    return max(_longest_stretch(ks) for ks in (*upright.values(), *inverted.values()))


def _longest_stretch(numbers: Iterable[int]) -> int:
    longest = length = 0
    last: int | None = None
    for number in sorted(set(numbers)):
        length = length + 1 if last is not None and number == last + 1 else 1
        longest, last = max(longest, length), number
    return longest


def grouped(names: Iterable[str], same: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Names put together wherever a chain of pairs joins them; groups and their members in alphabetical order."""
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = name = parent[parent[name]]
        return name

    for first, second in same:
        a, b = sorted((root(first), root(second)))
        parent[b] = a
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(parent):
        groups[root(name)].append(name)
    return sorted(tuple(members) for members in groups.values())
