"""Correction of small spelling errors: rather none than another structure, and never a side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

from omentum.anatomy.suggestions import slips
from omentum.anatomy.vocabulary.folding import folded
from omentum.anatomy.vocabulary.items import LONGEST
from omentum.anatomy.vocabulary.lexicon import LEFT, RIGHT, Lexicon, Tokens
from omentum.anatomy.vocabulary.tables import others

SHORTEST = 4
"""Letters of a word that may be corrected alone; a shorter one only within a longer name."""
SHORTEST_NAME = 5
"""Letters of a name to which a single word may be corrected: half of all words are like shorter ones."""
SUBSTITUTED = 6
"""Letters from which one may be wrong; in shorter words one is missing, too many, or in the wrong place."""
LONG = 8
"""Letters from which two errors are allowed."""
MOST_CANDIDATES = 8
_SIDES = {"left": LEFT, "right": RIGHT, "linke": LEFT, "rechte": RIGHT}
_LINKS = ("", "n", "s", "en", "es", "e")
"""Letters between the words of a German compound."""


def split_compounds(tokens: Sequence[str], lexicon: Lexicon) -> list[str] | None:
    """Separate words written as one ("leftkidney", "Lebermetastasen"); None if there are none."""
    found, is_changed = list[str](), False
    for token in tokens:
        pieces = None if _is_word(token, lexicon) else _compound(token, lexicon)
        found += pieces or [token]
        is_changed |= pieces is not None
    return found if is_changed else None


def _is_word(token: str, lexicon: Lexicon) -> bool:
    return token.startswith("<") or lexicon.is_known(token)


def _compound(token: str, lexicon: Lexicon) -> list[str] | None:
    for word, mark in _SIDES.items():
        rest = token.removeprefix(word)
        if rest != token and lexicon.find((rest,)):
            return [mark, rest]
    for lesion in sorted({*lexicon.lesions, "tumor", "tumors"}, key=len, reverse=True):
        stemmed = token.removesuffix(lesion)
        if stemmed == token or len(lesion) < SHORTEST:
            continue
        for link in _LINKS:
            organ = stemmed.removesuffix(link) if link else stemmed
            if organ and (lexicon.find((organ,)) or organ in lexicon.adjectives):
                return [organ, lesion if lesion in lexicon.lesions else "tumour"]
    return None


def corrections(tokens: Sequence[str], unknown: Sequence[str], lexicon: Lexicon) -> Iterator[tuple[int, list[str]]]:
    """Phrases with their unknown words corrected, each with its number of wrong letters.

    A word that is about as near to something outside the table ("hart": heart) is not corrected. An ordinary word
    ("bowl"), or one of three letters, is corrected only if that completes a name of several words.

    Args:
        tokens: The phrase.
        unknown: Its words without a meaning.
        lexicon: All known words.
    """
    choices = {word: list(_candidates(word, lexicon)) for word in dict.fromkeys(unknown)}
    if not choices or not all(choices.values()):
        return
    for chosen in product(*choices.values()):
        by_word = dict(zip(choices, chosen, strict=True))
        corrected = [_british(by_word[token][1]) if token in by_word else token for token in tokens]
        weak = [word for word, (_, new) in by_word.items() if _is_weak(word, new)]
        if all(_completes_name(tokens, corrected, word, lexicon) for word in weak):
            yield sum(wrong for wrong, _ in chosen), corrected


def _is_weak(word: str, corrected: str) -> bool:
    """Whether a word alone is too short or too ordinary to be corrected."""
    if len(word) < SHORTEST or len(corrected) < SHORTEST_NAME or word in others()["lookalikes"]:
        return True
    return len(word) < SUBSTITUTED and len(word) == len(corrected) and sorted(word) != sorted(corrected)


def _british(word: str) -> str:
    return {"tumor": "tumour", "tumors": "tumours"}.get(word, word)


def _candidates(word: str, lexicon: Lexicon) -> list[tuple[int, str]]:
    if not word.isascii() or not word.isalpha() or len(word) < SHORTEST - 1 or _is_other(word):
        return []
    most = 2 if len(word) >= LONG else 1
    near = sorted(
        (wrong, known)
        for known in lexicon.spelt
        if (known[0] == word[0] or known[:2] == word[1::-1]) and (wrong := slips(word, known, most)) <= most
    )
    if not near:
        return []
    rivals = [slips(word, other, near[0][0]) for other in things() if not lexicon.is_known(other)]
    if any(wrong <= near[0][0] for wrong in rivals):
        return []
    return [one for one in near if one[0] == near[0][0]][:MOST_CANDIDATES]


def _is_other(word: str) -> bool:
    return word in things()


@cache
def things() -> frozenset[str]:
    """Words for what is no structure, folded like phrases."""
    return frozenset(token for kind in ("things", "parts") for word in others()[kind] for token in folded(word))


def _completes_name(tokens: Sequence[str], corrected: Sequence[str], word: str, lexicon: Lexicon) -> bool:
    """Whether a corrected word stands in a name whose other words were right."""
    at = tokens.index(word)
    for start in range(max(0, at - LONGEST), at + 1):
        for end in range(max(at + 1, start + 2), min(len(tokens), start + LONGEST) + 1):
            rest: Tokens = (*tokens[start:at], *tokens[at + 1 : end])
            if (*corrected[start:at], *corrected[at + 1 : end]) == rest and lexicon.find(tuple(corrected[start:end])):
                return True
    return False
