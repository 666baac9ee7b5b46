"""Suggestions for unknown structure names; rather none than a different organ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from omentum.anatomy.structure import Structure, normalise
from omentum.errors import UsageError

SLIPS = {5: 1, 10: 2, 100: 3}
"""Words up to so long -> letters that may be wrong; with more it is another word: heart is no hepar."""
ABBREVIATION = 3
"""Letters of names such as LAG, which half of all short words are like."""
GENERIC = frozenset(("left", "right", "gland", "artery", "vein", "vessel", "organ", "head", "small", "large", "and"))
"""Words that say nothing alone."""
LESIONS = {
    **dict.fromkeys(
        ("tumour", "tumours", "tumor", "tumors", "lesion", "lesions", "mass", "masses", "cancer"), "tumour"
    ),
    **dict.fromkeys(("carcinoma", "metastasis", "metastases", "neoplasm", "nodule", "nodules", "malignancy"), "tumour"),
    **dict.fromkeys(("cyst", "cysts"), "cyst"),
}
"""Words for something that should not be there, and what kind of structure it is."""
SEE = "see `omentum classes`"


class UnknownStructureError(UsageError):
    """Names that denote no structure.

    Args:
        words: As given by the user.
        meant: Suggestions for each word; may be empty.
        reasons: Why each was not understood; may be empty.
    """

    def __init__(
        self, words: Sequence[str], meant: Sequence[Sequence[str]], reasons: Sequence[str] | None = None
    ) -> None:
        several = len(words) > 1
        why = reasons or [""] * len(words)
        said = [
            (w, ", ".join([*filter(None, [r]), *([_hint(m)] if m else [])]))
            for w, m, r in zip(words, meant, why, strict=True)
        ]
        hints = [f"{word!r}: {hint}" if several else hint for word, hint in said if hint]
        remedy = "; ".join([*hints, *([SEE] if len(hints) < len(words) else [])])
        super().__init__(f"unknown structure{'s' if several else ''} {', '.join(map(repr, words))}", remedy=remedy)
        self.words, self.meant = tuple(words), tuple(meant)


def suggestions(
    word: str, names: Mapping[str, Structure], pairs: Mapping[str, tuple[str, ...]], groups: Iterable[str]
) -> list[str]:
    """Suggested keys or group words, the most likely first.

    Args:
        word: The unknown name.
        names: Every known spelling, normalised.
        pairs: Word for one of a pair, with any side -> the word for both, and the keys of both.
        groups: Words that denote several structures.
    """
    said = normalise(word)
    if said in pairs:
        return list(pairs[said])
    lesions = _lesions(said.split(), names, pairs)
    if lesions is not None:
        return lesions
    known = {**{normalise(group): group for group in groups}, **{name: row.key for name, row in names.items()}}
    known = {name: key for name, key in known.items() if len(name) > ABBREVIATION}
    allowed = next((slips for length, slips in SLIPS.items() if len(said) <= length), 0)
    close = sorted(
        (distance, key) for name, key in known.items() if (distance := slips(said, name, allowed)) <= allowed
    )
    found = [key for distance, key in close if distance == close[0][0]] or _more_exactly(said, names)
    return list(dict.fromkeys(found))[:3]


def _more_exactly(said: str, names: Mapping[str, Structure]) -> list[str]:
    """Structures whose names contain all of the given words, and more."""
    words = _words(said)
    if words <= GENERIC:
        return []
    rows = {row.key: row for row in names.values()}
    found = [row for name, row in names.items() if words <= _words(name)]
    sides = () if words & {"left", "right"} else [row.pair for row in found if row.pair]
    return sorted({row.key for row in found}.union(sides), key=lambda key: (rows[key].is_lesion, rows[key].index))


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", name)) - {""}


def slips(one: str, other: str, most: int) -> int:
    """Number of wrong, missing, additional or transposed letters (optimal string alignment distance).

    Args:
        one: A word.
        other: Another word.
        most: Maximum distance of interest.

    Returns:
        The distance, or `most + 1` if it is larger than `most`.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before, last = list[int](), list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b)))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], before[j - 2] + 1)
        before, last = last, row
    return last[-1]


def _lesions(
    words: Sequence[str], names: Mapping[str, Structure], pairs: Mapping[str, tuple[str, ...]]
) -> list[str] | None:
    """For a name such as "liver metastasis", the lesions hosted by the liver; None if it names no such lesion."""
    kinds = {LESIONS[word] for word in words if word in LESIONS}
    organ = " ".join(word for word in words if word not in LESIONS)
    hosts = {names[organ].key} if organ in names else set(pairs.get(organ, ()))
    if not kinds or not hosts:
        return None
    inside = {row.key: row for row in names.values() if row.is_lesion and hosts.intersection(row.hosts)}
    return sorted(inside, key=lambda key: (inside[key].kind not in kinds, inside[key].index))


def _hint(meant: Sequence[str]) -> str:
    return f"did you mean {' or '.join(map(repr, meant))}?"
