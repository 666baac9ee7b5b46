"""Which CTs are the same scan: hashes of slices (see `omentum.fingerprint`), matched as runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from omentum.fingerprint import SliceHashes

LEAST_RUN = 4
"""So many consecutive slices in common make the same scan; a repeated slice or two happen within one."""
LONGEST_LIST = 50
"""A hash that occurs in more places than this is a blank of some scanner, not anatomy."""


class Scan(Protocol):
    """A case whose scan and patient are known."""

    @property
    def name(self) -> str:
        """Unique."""

    @property
    def patient(self) -> str:
        """Whose it is, the same wherever the same patient is known; "" where nobody says."""

    @property
    def hashes(self) -> SliceHashes:
        """Of its slices; empty where they are not known."""


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


def patient_groups(scans: Sequence[Scan], matches: Iterable[Match]) -> list[tuple[str, ...]]:
    """Every case once; those of one patient together, so far as names of patients and equal scans tell."""
    by_patient: dict[str, str] = {}
    named = [(by_patient.setdefault(scan.patient, scan.name), scan.name) for scan in scans if scan.patient]
    return grouped((scan.name for scan in scans), [*((m.first, m.second) for m in matches), *named])


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
