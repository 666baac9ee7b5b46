"""Words of a user -> structures, with how they were understood."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from omentum.anatomy.structures import STRUCTURES
from omentum.anatomy.suggestions import UnknownStructureError
from omentum.anatomy.vocabulary.builder import lexicon
from omentum.anatomy.vocabulary.items import NotUnderstoodError
from omentum.anatomy.vocabulary.lexicon import EXCEPT, Lexicon, Tokens
from omentum.anatomy.vocabulary.lists import understood_tokens
from omentum.anatomy.vocabulary.parts import Part
from omentum.anatomy.vocabulary.spelling import corrections, split_compounds, things
from omentum.anatomy.vocabulary.tables import others
from omentum.anatomy.vocabulary.understanding import How, Understanding

MOST_SUGGESTIONS = 4
LONGEST_PHRASE = 300
"""Characters; a longer text is no name."""
_CODE = re.compile(r"\s*(?:(?:sct|snomed(?:[\s_-]*ct)?)[\s:#-]*)?(\d{6,18})\s*", re.IGNORECASE)

Nearest = Callable[[str], "tuple[Tokens, float] | None"]
"""Nearest name by text embedding: phrase -> keys and cosine distance; None if nothing is near."""


def explain_phrase(phrase: str, nearest: Nearest | None = None) -> Understanding:
    """Understand a phrase.

    In this order: a key, as it is written; a SNOMED CT code; names, sides, lesions and lists of these in six languages;
    words written as one; small spelling errors; the nearest name by embedding. Unless all of a phrase is understood,
    none of it is.

    Args:
        phrase: Words such as "both kidneys", "rein gauche", "all organs except the liver".
        nearest: Looks for the nearest name by embedding as a last resort; by default nothing does.

    Returns:
        Never raises for a phrase; one that is not understood has the reason.
    """
    if phrase.strip() in STRUCTURES:
        return Understanding(phrase, (phrase.strip(),), How.EXACT)
    if len(phrase) > LONGEST_PHRASE:
        return Understanding(phrase, reason=f"longer than {LONGEST_PHRASE} characters")
    words = lexicon()
    if code := _CODE.fullmatch(phrase):
        keys = words.codes.get(code[1], ())
        how = How.SYNONYM if len(keys) == 1 else How.GROUP
        return (
            Understanding(phrase, keys, how)
            if keys
            else Understanding(phrase, reason="no SNOMED CT code of a structure")
        )
    refusal: NotUnderstoodError | None = None
    readings = list[list[str]]()
    for spelled_out in (False, True):
        tokens = words.tokens(phrase, spelled_out=spelled_out)
        readings += [] if tokens in readings else [tokens]
    for tokens in readings:
        try:
            return _of(phrase, _plain_or_apart(tokens, words))
        except NotUnderstoodError as fault:
            refusal = refusal or fault
    assert refusal is not None
    return _respelled(phrase, readings[0], words) or _nearest(phrase, readings[0], refusal, nearest)


def explain_words(words: str | Iterable[str], nearest: Nearest | None = None) -> tuple[Understanding, ...]:
    """Understand several phrases; see `explain_phrase`.

    Args:
        words: Phrases, or one text with commas between them.
        nearest: Looks for the nearest name by embedding as a last resort.
    """
    phrases = split_phrases(words) if isinstance(words, str) else words
    return tuple(explain_phrase(phrase, nearest) for phrase in phrases)


def split_phrases(text: str) -> tuple[str, ...]:
    """Divide a text such as "liver, kidneys" at its commas, unless it excludes something or only makes sense whole."""
    pieces = tuple(piece.strip() for piece in text.split(",") if piece.strip())
    if len(pieces) < 2:
        return pieces
    known = lexicon()
    tokens = known.tokens(text)
    only_sides = any(set(known.tokens(piece)) <= {"<left>", "<right>", "<both>"} for piece in pieces)
    return (text.strip(),) if EXCEPT in tokens or only_sides else pieces


def _of(phrase: str, part: Part) -> Understanding:
    if not part.keys:
        raise NotUnderstoodError("a side of what?")
    return Understanding(phrase, part.keys, part.how, part.notes, collective=part.collective)


def _plain_or_apart(tokens: Sequence[str], words: Lexicon) -> Part:
    try:
        return understood_tokens(tokens, words)
    except NotUnderstoodError as fault:
        apart = split_compounds(tokens, words) if fault.unknown else None
        if apart is None:
            raise
        part = understood_tokens(apart, words)
        return replace(part, how=part.how.weaker(How.SYNONYM))


def _respelled(phrase: str, tokens: Sequence[str], words: Lexicon) -> Understanding | None:
    """The one meaning that the fewest corrections give; None if there is none or more than one."""
    found: dict[Tokens, tuple[Sequence[str], Part]] = {}
    fewest = None
    unknown = [token for token in tokens if not _has_meaning(token, words)]
    for wrong, said_so in sorted(corrections(tokens, unknown, words), key=lambda one: one[0]):
        if fewest is not None and wrong > fewest:
            break
        try:
            part = understood_tokens(said_so, words)
        except NotUnderstoodError:
            continue
        if part.is_group and wrong > 1:
            continue
        fewest = wrong
        found.setdefault(part.keys, (said_so, part))
    if len(found) != 1:
        return None
    corrected, part = next(iter(found.values()))
    said = [new for old, new in zip(tokens, corrected, strict=True) if old != new]
    notes = (f"read as {' '.join(said)!r}", *part.notes)
    return Understanding(phrase, part.keys, How.SPELLING, notes, collective=part.collective)


def _has_meaning(token: str, words: Lexicon) -> bool:
    return token.startswith("<") or words.is_known(token)


def _nearest(phrase: str, tokens: Sequence[str], refusal: NotUnderstoodError, nearest: Nearest | None) -> Understanding:
    """What is nearest by embedding, if no word of the phrase is known for a structure or another thing; or refused."""
    is_foreign = not any(token.startswith("<") or token in lexicon().words or token in things() for token in tokens)
    if nearest is not None and is_foreign and len(tokens) > 1 and (found := nearest(phrase)):
        return Understanding(phrase, found[0], How.NEAREST, distance=found[1])
    return Understanding(phrase, reason=refusal.reason, suggestions=_suggestions(phrase, tokens, refusal))


def _suggestions(phrase: str, tokens: Sequence[str], refusal: NotUnderstoodError) -> Tokens:
    """Rather none than a neighbour: nothing for "hepatic vein" or "vena cava superior"."""
    if (things() & set(tokens)) - others()["parts"] - lexicon().own or (
        len(tokens) == 1 and tokens[0] in lexicon().words
    ):
        return refusal.suggestions
    try:
        STRUCTURES.expand_all([phrase])
    except UnknownStructureError as fault:
        found = tuple(dict.fromkeys((*refusal.suggestions, *fault.meant[0])))
        return found if len(found) <= MOST_SUGGESTIONS else ()
    return refusal.suggestions
