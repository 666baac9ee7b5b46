"""Stratified assignment of patients to parts: each part gets its share of every dataset and lesion type.

Based on iterative stratification (Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011): the rarest labels are assigned
first. Unlike the published method, which looks at the rarest label only and would leave small parts of small datasets
empty, a group goes to the part where the chi-squared distance to the target shares decreases most, over all labels of
the group and the number of cases. Nothing is random: ties are broken by a hash of the names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from omentum.data.splits.split import SplitCase, chance, check_shares

Label = tuple[str, ...]
"""A dataset, or a kind of lesion that is there or is not; or anything at all."""
ALL: Label = ("all",)
DATASET = "dataset"


def stratified(
    groups: Sequence[Sequence[SplitCase]], shares: Mapping[str, float], seed: int = 0
) -> dict[str, tuple[str, ...]]:
    """Names by part, in alphabetical order.

    Args:
        groups: Cases that must stay together.
        shares: Part -> fraction of the cases; the fractions sum to 1.
        seed: Seed of the split.

    Raises:
        UsageError: A share is negative, or the shares do not sum to 1.
    """
    check_shares(shares)
    deck = _Deck(groups, shares, seed)
    while deck.left:
        for number in deck.with_rarest_label():
            deck.deal(number)
    return {part: tuple(sorted(names)) for part, names in deck.parts.items()}


class _Deck:
    """Groups not yet assigned, and the label counts of each part."""

    def __init__(self, groups: Sequence[Sequence[SplitCase]], shares: Mapping[str, float], seed: int) -> None:
        ordered = sorted(groups, key=lambda group: chance(seed, min(case.name for case in group)))
        self._groups = dict(enumerate(ordered))
        self._labels = {number: _labels(group) for number, group in self._groups.items()}
        self.left = dict.fromkeys(self._groups)
        self.parts: dict[str, list[str]] = {part: [] for part in shares}
        totals: Counter[Label] = sum(self._labels.values(), Counter())
        self._goal = {
            part: {label: n * share for label, n in totals.items()} for part, share in shares.items() if share
        }
        self._has: dict[str, Counter[Label]] = {part: Counter() for part in self._goal}

    def with_rarest_label(self) -> list[int]:
        """Unassigned groups with the rarest label; large groups first, because they are hardest to place."""
        counts = Counter(label for number in self.left for label in self._labels[number])
        rarest = min(counts, key=lambda label: (counts[label], label))
        having = [number for number in self.left if rarest in self._labels[number]]
        return sorted(having, key=lambda number: (-len(self._groups[number]), number))

    def deal(self, number: int) -> None:
        """Assign a group to the part that benefits most."""
        labels = self._labels[number]
        part = min(self._goal, key=lambda part: round(self._distance_added(part, labels), 9))
        self.parts[part] += [case.name for case in self._groups[number]]
        self._has[part] += labels
        del self.left[number]

    def _distance_added(self, part: str, labels: Counter[Label]) -> float:
        """Change of the sum over labels of (count - goal)^2 / goal if some cases were added to a part."""
        goal, has = self._goal[part], self._has[part]
        return sum(n * (n + 2 * (has[label] - goal[label])) / goal[label] for label, n in labels.items())


def _labels(group: Sequence[SplitCase]) -> Counter[Label]:
    """Number of cases of a group with each label; never empty."""
    labels: Counter[Label] = Counter({ALL: len(group)})
    labels.update((DATASET, case.dataset) for case in group)
    for case in group:
        labels.update((key, "there" if there else "absent") for key, there in case.lesions.items())
    return labels
