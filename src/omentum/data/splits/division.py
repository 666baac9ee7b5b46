"""Divide the cases of a collection into training and validation, by a split file or by hash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from omentum.data.datasets.fingerprint import IdentifiedScan, Match, find_matches, patient_groups
from omentum.data.splits.split import Roles, Split, chance
from omentum.errors import UsageError


class ScanOfDataset(IdentifiedScan, Protocol):
    """A case with a known dataset."""

    @property
    def dataset(self) -> str:
        """Recipe key; "" for a folder of cases."""


@dataclass(frozen=True)
class Division:
    """Use of the cases of one collection in a run; a case in neither group must not be used.

    Args:
        train, validation: Case names.
        unknown: Number of cases in no part of the split, which are left out.
        whole: Whether no case of the collection is in the split.
    """

    train: frozenset[str]
    validation: frozenset[str] = frozenset()
    unknown: int = 0
    whole: bool = False


def all_trained_on(cases: Sequence[ScanOfDataset]) -> Division:
    """A division without held-out cases."""
    return Division(frozenset(case.name for case in cases), whole=True)


def drawn(
    cases: Sequence[ScanOfDataset], number: int, unfit: Callable[[ScanOfDataset], bool] = lambda _: False
) -> Division:
    """Hold out some cases, from each dataset in turn; no patient or scan is on both sides.

    From a group of identical scans and patients, one case is used for validation and the others are left out. The
    choice is by a hash of the names, so the same cases give the same division everywhere.

    Args:
        cases: All cases of a collection.
        number: Number of held-out cases, as far as there are groups.
        unfit: Whether a case and its group cannot be held out.
    """
    out_of_question = {case.name for case in cases if unfit(case)} if number else set()
    groups = [g for g in _in_turn(cases) if out_of_question.isdisjoint(g)] if number else []
    chosen = groups[:number]
    touched = {name for group in chosen for name in group}
    train = frozenset(case.name for case in cases if case.name not in touched)
    return Division(train, frozenset(group[0] for group in chosen))


def by_split(cases: Sequence[ScanOfDataset], split: Split, roles: Roles, validation: int, source: str) -> Division:
    """Divide cases according to a split; cases that it does not contain are left out.

    A collection without a single case in the split is additional material and used for training. Folders of cases named
    by numbers may coincide by name without being the same scans.

    Args:
        cases: All cases of a collection.
        split: The split.
        roles: Use of its parts in this run.
        validation: Maximum number of held-out cases to validate on, from each dataset in turn; 0 means all.
        source: The collection, for messages.

    Raises:
        UsageError: A name in the split refers to another scan here.
    """
    named = [case for case in cases if case.name in split.part_of]
    other = [case.name for case in named if not _same_scan(case, split)]
    if len(other) == len(named) and not any(case.dataset for case in named):
        return all_trained_on(cases)
    if other:
        reason = f"{other[0]!r} is another scan than the {other[0]!r} of the split {split.source}"
        raise UsageError(reason, source=source, remedy="make the split again, or rename the case")
    held = [case for case in named if case.name in roles.validation]
    few = drawn(held, validation).validation if validation else frozenset(case.name for case in held)
    train = frozenset(case.name for case in named if case.name in roles.train)
    return Division(train, few, unknown=len(cases) - len(named))


def copies(held_out: Sequence[IdentifiedScan], others: Sequence[IdentifiedScan]) -> list[tuple[int, int, int]]:
    """Held-out cases that also occur in other material: (index there, index here, common slices; 0: same patient)."""
    if not held_out:
        return []
    ours, theirs = _numbered("h", held_out), _numbered("o", others)
    of_patient = {case.patient: n for n, case in enumerate(held_out) if case.patient}
    known = [(of_patient[case.patient], n, 0) for n, case in enumerate(others) if case.patient in of_patient]
    both = find_matches({**ours, **theirs})
    return sorted([*((int(m.first[1:]), int(m.second[1:]), m.slices) for m in both if _across(m)), *known])


def _numbered(mark: str, cases: Sequence[IdentifiedScan]) -> dict[str, tuple[str, ...]]:
    return {f"{mark}{number}": case.hashes for number, case in enumerate(cases) if case.hashes}


def _across(match: Match) -> bool:
    """Whether a match links held-out ("h") and other material; its names are in alphabetical order."""
    return match.first[0] != match.second[0]


def _same_scan(case: IdentifiedScan, split: Split) -> bool:
    """Whether two scans agree as far as both are known; splits of earlier versions know names only."""
    known = split.cases.get(case.name)
    return known is None or not known.hashes or not case.hashes or known.hashes == case.hashes


def _in_turn(cases: Sequence[ScanOfDataset]) -> list[list[str]]:
    """Groups of names, round-robin over datasets, each in hash order, as are the names within a group."""
    dataset = {case.name: case.dataset for case in cases}
    matches = find_matches({case.name: case.hashes for case in cases})
    queues: dict[str, list[list[str]]] = defaultdict(list)
    for group in patient_groups(cases, matches):
        names = _by_hash(group)
        queues[dataset[names[0]]].append(names)
    for queue in queues.values():
        queue.sort(key=lambda names: chance(0, names[0]))
    largest_first = sorted(queues, key=lambda key: (-len(queues[key]), key))
    turns = max(map(len, queues.values()), default=0)
    return [queues[key][turn] for turn in range(turns) for key in largest_first if turn < len(queues[key])]


def _by_hash(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: chance(0, name))
