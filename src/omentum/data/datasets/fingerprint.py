"""Find CTs that are the same scan, by matching runs of slice hashes (see `omentum.fingerprint`)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

from omentum.fingerprint import SliceHashes, rows_of, without_blanks


class IdentifiedScan(Protocol):
    """A case with a known scan fingerprint and patient."""

    @property
    def name(self) -> str:
        """Case name, unique among the compared cases."""

    @property
    def patient(self) -> str:
        """Patient identifier, equal for all cases of one patient; "" if unknown."""

    @property
    def hashes(self) -> SliceHashes:
        """Slice hashes of the scan; empty if unknown."""


@dataclass(frozen=True)
class Match:
    """Two cases that share a scan.

    Args:
        first, second: Case names in alphabetical order.
        slices: Number of slices they have in common.
    """

    first: str
    second: str
    slices: int


def find_matches(scans: Mapping[str, SliceHashes]) -> list[Match]:
    """Find all pairs of cases that share a run of slices, in the same or in reversed order.

    A run may skip slices at a regular stride (`omentum.fingerprint.STRIDES`), so a copy with every second slice is
    found. Runs are looked up in an index rather than compared pairwise, so slices shared by many scans cost no extra
    time.
    """
    telling = {name: without_blanks(scans[name]) for name in sorted(scans)}
    owners: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, hashes in telling.items():
        for row in rows_of(hashes):
            owners[row].append(name)
    together = {tuple(names) for names in owners.values() if len(names) > 1}
    pairs = {pair for names in together for pair in combinations(names, 2)}
    return [Match(*pair, _in_common(*(telling[name] for name in pair))) for pair in sorted(pairs)]


def _in_common(first: SliceHashes, second: SliceHashes) -> int:
    return (Counter(filter(None, first)) & Counter(filter(None, second))).total()


def patient_groups(scans: Sequence[IdentifiedScan], matches: Iterable[Match]) -> list[tuple[str, ...]]:
    """Group cases by patient, using patient identifiers and matching scans; every case occurs exactly once."""
    by_patient: dict[str, str] = {}
    named = [(by_patient.setdefault(scan.patient, scan.name), scan.name) for scan in scans if scan.patient]
    return grouped((scan.name for scan in scans), [*((m.first, m.second) for m in matches), *named])


def grouped(names: Iterable[str], same: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Connected components of a graph of names; groups and their members are in alphabetical order."""
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
