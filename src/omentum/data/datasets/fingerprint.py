"""Which CTs are the same scan: hashes of slices (see `omentum.fingerprint`), matched as rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

from omentum.fingerprint import SliceHashes, rows_of, without_blanks


class IdentifiedScan(Protocol):
    """A case whose scan and patient are known."""

    @property
    def name(self) -> str:
        """Name of the case, unique among those compared."""

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
        slices: How many slices they have in common.
    """

    first: str
    second: str
    slices: int


def find_matches(scans: Mapping[str, SliceHashes]) -> list[Match]:
    """All pairs of names whose scans share a row of slices, the same way up or upside down.

    A row may leave slices out evenly (`omentum.fingerprint.STRIDES`), so that a copy with every second slice is found.
    What many scans share costs nothing unless it makes them the same scan: rows are looked up, not compared.
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
