"""Suggestions for unknown structure names; no suggestion is better than another organ."""

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
    """Words that name no structure.

    Args:
        words: As they were given.
        meant: For each word, the probable meaning; empty where there is none.
    """

    def __init__(self, words: Sequence[str], meant: Sequence[Sequence[str]]) -> None:
        several = len(words) > 1
        hints = [f"{word!r}: {_hint(m)}" if several else _hint(m) for word, m in zip(words, meant, strict=True) if m]
        remedy = "; ".join([*hints, *([SEE] if len(hints) < len(words) else [])])
        super().__init__(f"unknown structure{'s' if several else ''} {', '.join(map(repr, words))}", remedy=remedy)
        self.words, self.meant = tuple(words), tuple(meant)


def suggestions(
    word: str, names: Mapping[str, Structure], pairs: Mapping[str, tuple[str, ...]], groups: Iterable[str]
) -> list[str]:
    """Keys, or words for several, that are probably meant; the likeliest first.

    Args:
        word: Not known.
        names: Every known spelling, normalised.
        pairs: Word for one of a pair, whichever side -> the word for both, and the keys of both.
        groups: Words for several that may be said.
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
    """Structures whose names say all of it, and more."""
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
    """Number of letters wrong, missing, added or swapped with their neighbour (optimal string alignment distance).

    Args:
        one: A word.
        other: Another word.
        most: Largest distance of interest.

    Returns:
        The distance, or `most + 1` where it is certainly larger than `most`.
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
    """Of "liver metastasis" the lesions that live in the liver; None where no lesion of an organ is spoken of."""
    kinds = {LESIONS[word] for word in words if word in LESIONS}
    organ = " ".join(word for word in words if word not in LESIONS)
    hosts = {names[organ].key} if organ in names else set(pairs.get(organ, ()))
    if not kinds or not hosts:
        return None
    inside = {row.key: row for row in names.values() if row.is_lesion and hosts.intersection(row.hosts)}
    return sorted(inside, key=lambda key: (inside[key].kind not in kinds, inside[key].index))


def _hint(meant: Sequence[str]) -> str:
    return f"did you mean {' or '.join(map(repr, meant))}?"
