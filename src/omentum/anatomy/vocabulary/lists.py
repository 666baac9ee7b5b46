"""Whole phrases: lists of names, words that qualify their neighbours, exclusions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from omentum.anatomy.structures import STRUCTURES
from omentum.anatomy.vocabulary.items import LONGEST, NotUnderstoodError
from omentum.anatomy.vocabulary.lexicon import AND, COMMA, EXCEPT, Lexicon, Meaning, Tokens
from omentum.anatomy.vocabulary.parts import Part, lesions_of, sided, understood_part
from omentum.anatomy.vocabulary.understanding import How

_SEPARATORS = {AND, COMMA}


def understood_tokens(tokens: Sequence[str], lexicon: Lexicon) -> Part:
    """Understand a phrase.

    Raises:
        NotUnderstoodError: Some of it is not understood; then none of it counts.
    """
    if EXCEPT in tokens and lexicon.find(tuple(tokens)) is None:
        return _excluding(list(tokens), lexicon)
    pieces = _pieces(tokens, lexicon)
    if not pieces:
        raise NotUnderstoodError("names no structure")
    parts = [(understood_part(piece, lexicon), joined) for piece, joined in pieces]
    _check_lesions_of_both(pieces, [part for part, _ in parts], lexicon)
    return _joined(_qualified(parts, lexicon))


def _excluding(tokens: list[str], lexicon: Lexicon) -> Part:
    """What is before "except" without what is after it; that extends to the end, commas included."""
    at = tokens.index(EXCEPT)
    all_of = understood_tokens(tokens[:at], lexicon)
    none_of = understood_tokens([COMMA if token == EXCEPT else token for token in tokens[at + 1 :]], lexicon)
    if not (all_of.collective or all_of.is_pair):
        raise NotUnderstoodError("only from a group something can be excluded", suggestions=all_of.keys)
    if strange := [key for key in none_of.keys if key not in all_of.keys]:
        several = [key for key in none_of.keys if key in all_of.keys]
        if not (none_of.is_group and several):
            raise NotUnderstoodError(f"{', '.join(strange)} is not in what it is excluded from")
    keys = tuple(key for key in all_of.keys if key not in none_of.keys)
    if not keys:
        raise NotUnderstoodError("nothing is left")
    how = all_of.how.weaker(How.GROUP).weaker(none_of.how)
    collective = keys if all_of.is_group else ()
    return replace(all_of, keys=keys, how=how, notes=(*all_of.notes, *none_of.notes), collective=collective)


def _pieces(tokens: Sequence[str], lexicon: Lexicon) -> list[tuple[Tokens, str]]:
    """Parts between separators, each with the separator before it; "and" inside a name separates nothing."""
    pieces, here, separator, start = list[tuple[Tokens, str]](), list[str](), "", 0
    while start < len(tokens):
        lengths = range(min(LONGEST, len(tokens) - start), 1, -1)
        span = next((n for n in lengths if lexicon.find(tuple(tokens[start : start + n]))), 0)
        if span and _SEPARATORS & set(tokens[start : start + span]):
            here += tokens[start : start + span]
        elif tokens[start] in _SEPARATORS:
            if here:
                pieces.append((tuple(here), separator))
                here, separator = [], ""
            separator = AND if AND in (separator, tokens[start]) else COMMA
            span = 1
        else:
            here.append(tokens[start])
            span = 1
        start += span
    return [*pieces, *([(tuple(here), separator)] if here else [])]


def _qualified(parts: Sequence[tuple[Part, str]], lexicon: Lexicon) -> list[Part]:
    """Attach a side or lesion word that stands alone to its neighbour: "left and right kidney", "kidney, left"."""
    found: list[Part] = []
    for index, (part, joined) in enumerate(parts):
        after = parts[index + 1][0] if index + 1 < len(parts) else None
        before = found[-1] if found else None
        if not part.keys:
            found = _with_side(part, before, after, found)
        elif part.lesion and before is not None and joined == AND and _lesion_organ(before):
            organ = _lesion_organ(before)
            found.append(replace(part, keys=lesions_of(organ, part.lesion, lexicon), lesion=None, how=How.SYNONYM))
        else:
            _check_unambiguous(before, part, joined)
            found.append(part)
    return found


def _with_side(part: Part, before: Part | None, after: Part | None, found: list[Part]) -> list[Part]:
    if after is not None and len(after.keys) == 1 and after.side and (pair := STRUCTURES[after.keys[0]].pair):
        meaning = Meaning((after.keys[0], pair), after.how, is_pair=True)
        return [*found, sided((), meaning, part.side)]
    if before is not None and before.is_pair:
        return [*found[:-1], sided((), Meaning(before.keys, before.how, is_pair=True, notes=before.notes), part.side)]
    if before is not None and len(before.keys) == 1 and before.side and (pair := STRUCTURES[before.keys[0]].pair):
        meaning = Meaning((before.keys[0], pair), before.how, is_pair=True)
        return [*found, sided((), meaning, part.side)]
    raise NotUnderstoodError("a side of what?")


def _lesion_organ(part: Part) -> Tokens:
    """The organ of a lesion said before: "kidney tumour and cyst"."""
    if len(part.keys) == 1 and STRUCTURES[part.keys[0]].is_lesion:
        return STRUCTURES[part.keys[0]].hosts
    return ()


def _check_unambiguous(before: Part | None, part: Part, joined: str) -> None:
    """Refuse "liver and kidney tumours" (a liver or its tumours?) and "left kidney and adrenal" (which one?)."""
    if before is None or joined != AND or not part.keys:
        return
    row = STRUCTURES[part.keys[0]]
    organs = [key for key in before.keys if STRUCTURES[key].kind == "organ" and not before.is_group]
    if row.is_lesion and not part.is_group and organs and not set(organs) <= set(row.hosts):
        words = tuple(f"{key.replace('_', ' ')}, {row.noun}" for key in organs[:1])
        raise NotUnderstoodError("may mean an organ or its lesions; separate them by a comma", suggestions=words)
    is_sided = before.side is not None and len(before.keys) == 1 and not STRUCTURES[before.keys[0]].is_lesion
    if is_sided and part.is_pair and not part.is_plural:
        raise NotUnderstoodError("the second may be on one side or on both", suggestions=part.keys)


def _check_lesions_of_both(pieces: Sequence[tuple[Tokens, str]], parts: Sequence[Part], lexicon: Lexicon) -> None:
    """Refuse "tumours of the liver and lungs": lungs, or their tumours?"""
    for (first, _), before, (_, joined), after in zip(pieces, parts, pieces[1:], parts[1:], strict=False):
        starts = next((token for token in first if token not in lexicon.plain), "")
        is_organ = any(STRUCTURES[key].kind == "organ" for key in after.keys)
        if starts in lexicon.lesions and len(first) > 1 and joined == AND and is_organ and before.keys:
            raise NotUnderstoodError("may mean an organ or its lesions; separate them by a comma")


def _joined(parts: Sequence[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    how = parts[0].how
    for part in parts:
        how = how.weaker(part.how)
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    said = {key for part in parts for key in part.keys if key not in part.collective}
    keys = tuple(dict.fromkeys(key for part in parts for key in part.keys))
    return Part(keys, how, notes, collective=tuple(key for key in keys if key not in said))
