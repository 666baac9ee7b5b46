"""Series descriptions reduced to words of CT: any other word or number might be a name, a date or an id."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

HIDDEN = "..."
"""Stands for words that are not shown."""
LONGEST = 64

_TOKEN = re.compile(r"\d+(?:[.,/:-]\d+)*[^\W\d_]*|[^\W\d_]+(?:\d+[^\W\d_]*)*")
"""A word with its digits (B30f), or a number with its unit; what looks like a date is one number."""
_WITHOUT = re.compile(r"(?<![^\W_])w/o(?![^\W_])", re.IGNORECASE)


def words_of_ct(text: str, hidden: str = "") -> str:
    """The words of a text that are in words_of_ct.toml, separated by spaces; others become `HIDDEN`.

    Args:
        text: Series description or other free text.
        hidden: Name and ids of the patient; words in it are not shown, even if they are words of CT.
    """
    known, pattern = _known()
    personal = {token.lower() for token in _TOKEN.findall(hidden)}
    shown: list[str] = []
    for token in _TOKEN.findall(_WITHOUT.sub("without", text)):
        word = token.lower()
        is_shown = word not in personal and (word in known or pattern.fullmatch(word) is not None)
        if is_shown or not shown or shown[-1] != HIDDEN:
            shown.append(token if is_shown else HIDDEN)
    return " ".join(shown)[:LONGEST].strip()


@cache
def _known() -> tuple[frozenset[str], re.Pattern[str]]:
    table = resources.files("omentum.io.dicom.naming") / "words_of_ct.toml"
    content = tomllib.loads(table.read_text(encoding="utf-8"))
    words = frozenset(word for listed in content["words"].values() for word in listed.split())
    return words, re.compile("|".join(content["patterns"].values()))
