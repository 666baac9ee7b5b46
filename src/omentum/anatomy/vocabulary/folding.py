"""Spelling of phrases and names reduced to tokens that can be compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_EXTENSION = re.compile(r"\.(nii(\.gz)?|seg\.nrrd|nrrd|mha|mhd|stl|obj|vtk)$", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ELIDED = re.compile(r"\b(l|d)['’´`]", re.IGNORECASE)
_DOTTED = re.compile(r"\b(aa?|vv?|n|m|gl|lig)\.(?=\s*[a-z])", re.IGNORECASE)
_LATIN = {
    **{"a": "arteria", "aa": "arteriae", "v": "vena", "vv": "venae"},
    **{"n": "nervus", "m": "musculus", "gl": "glandula", "lig": "ligamentum"},
}
"""Of the Terminologia Anatomica: "A. renalis", "V. portae"."""
_TOKEN = re.compile(r"[^\W_]+|[,;&+/、，；]")
_CJK = re.compile(r"[\u3400-\u9fff]+")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_BRITISH = ((r"tumor", "tumour"), (r"esoph", "oesoph"), (r"celiac", "coeliac"), (r"hemang", "haemang"))
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8"}


def folded(text: str, *, spelled_out: bool = False) -> list[str]:
    """Tokens of a text: lower case, without accents, British spelling; Chinese runs are one token each.

    Hyphens, underscores, brackets and most punctuation separate tokens; the signs that join names are tokens. Camel
    case is separated (`LeftKidney`), the extension of an image file is dropped (`kidney_left.nii.gz`).

    Args:
        text: A phrase or name.
        spelled_out: Write umlauts as ae, oe, ue; by default as a, o, u.
    """
    text = unicodedata.normalize("NFKC", text.strip())
    text = _DOTTED.sub(lambda found: f"{_LATIN[found[1].lower()]} ", text)
    text = _ELIDED.sub("", _CAMEL.sub(" ", _EXTENSION.sub("", text))).casefold().translate(_LIGATURES)
    if spelled_out:
        text = text.translate(_UMLAUTS)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return [_british(token) for part in _TOKEN.findall(text) for token in _apart(part)]


def _apart(token: str) -> list[str]:
    """Separate Chinese runs from other letters in a token."""
    return [piece for piece in re.split(rf"({_CJK.pattern})", token) if piece]


def _british(token: str) -> str:
    for american, british in _BRITISH:
        token = re.sub(rf"^{american}", british, token)
    return _ROMAN.get(token, token)


def is_chinese(token: str) -> bool:
    """Whether a token is a run of Chinese characters."""
    return bool(_CJK.fullmatch(token))


def simplified(text: str, pairs: str) -> str:
    """Replace traditional by simplified characters.

    Args:
        text: Any text.
        pairs: Traditional and simplified character, alternating.
    """
    return text.translate({ord(old): new for old, new in zip(pairs[::2], pairs[1::2], strict=True)})


def stem(token: str) -> str:
    """The singular of a regular plural in English, French or Spanish; other words as they are."""
    if len(token) < 5 or token.endswith(("ss", "us", "is", "as")) or not token.endswith("s"):
        return token
    if token.endswith("ies"):
        return f"{token[:-3]}y"
    return token[:-2] if token.endswith(("sses", "ches", "shes", "xes")) else token[:-1]


def separated(run: str, words: Mapping[str, object]) -> list[str]:
    """Divide a run of Chinese characters into known words, the longest first; others are single characters."""
    found, start = list[str](), 0
    longest = max(map(len, words), default=1)
    while start < len(run):
        lengths = range(min(longest, len(run) - start), 0, -1)
        length = next((n for n in lengths if run[start : start + n] in words), 1)
        found.append(run[start : start + length])
        start += length
    return found
