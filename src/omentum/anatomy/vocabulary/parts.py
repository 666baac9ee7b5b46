"""One part of a phrase, between commas and "and": a name, a side, a word for a lesion, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from omentum.anatomy.structure import Kind
from omentum.anatomy.structures import STRUCTURES
from omentum.anatomy.vocabulary.folding import stem
from omentum.anatomy.vocabulary.items import NOT_KNOWN, Items, NotUnderstoodError, are_lesions, divided
from omentum.anatomy.vocabulary.lexicon import BOTH, LEFT, NOT, RIGHT, SIDES, Lexicon, Meaning, Tokens
from omentum.anatomy.vocabulary.tables import others
from omentum.anatomy.vocabulary.understanding import How

_SUBSTANCES = ("parenchyma", "tissue", "gewebe", "parenchym")
"""What is the organ itself: "renal parenchyma"."""
_PICTURES = ("image", "picture", "photo")
"""Their left is the patient's right in radiological display: "on the left side of the image" is refused."""
_SIDE_WORDS = {LEFT: "left", RIGHT: "right"}


@dataclass(frozen=True)
class Part:
    """What a part of a phrase means.

    Args:
        keys: Structures; empty for a side alone.
        how: How it was understood.
        notes: For the user.
        side: Side alone, or the side said.
        lesion: Kind, for a word for lesions that stands alone.
        is_pair: Both of a pair, without a side having been said.
        is_plural: A regular plural.
        collective: Those of the keys that only a collective word names.
    """

    keys: Tokens = ()
    how: How = How.SYNONYM
    notes: Tokens = ()
    side: str | None = None
    lesion: Kind | None = None
    is_pair: bool = False
    is_plural: bool = False
    collective: Tokens = ()

    @property
    def is_group(self) -> bool:
        """Whether a collective word stands for all of it."""
        return bool(self.keys) and self.collective == self.keys


def understood_part(tokens: Sequence[str], lexicon: Lexicon) -> Part:
    """Understand a part of a phrase.

    Args:
        tokens: Its tokens, without separators.
        lexicon: All known words.

    Raises:
        NotUnderstoodError: It means nothing, or something that the table does not have.
    """
    if key := lexicon.exact.get(tuple(tokens)):
        known = lexicon.names.get(tuple(tokens))
        return Part((key,), How.EXACT, known.notes if known else (), side=STRUCTURES[key].side)
    side, base = _side_of(tokens)
    if key := lexicon.sided.get((base, side or "")):
        return Part((key,), How.SYNONYM, side=side)
    items = divided(base if lexicon.find(base) else _without_frame(base, lexicon), lexicon)
    if items.unknown:
        raise NotUnderstoodError(_unknown(items), tuple(items.unknown), _whole(items))
    if not (items.names or items.adjectives or items.lesions):
        if items.has_all and side is None and (everything := lexicon.find(("everything",))):
            return Part(everything.keys, How.GROUP, collective=everything.keys)
        if side is None:
            raise NotUnderstoodError("names no structure")
        return Part(side=side)
    if items.lesions:
        return _lesion(items, side, lexicon)
    if not items.names:
        if len(items.adjectives) == 1 and base[-1] in _SUBSTANCES:
            return sided(base, items.adjectives[0], side)
        raise NotUnderstoodError("an adjective alone", suggestions=items.adjectives[0].keys)
    return _named(items, side)


def _side_of(tokens: Sequence[str]) -> tuple[str | None, Tokens]:
    sides = {token for token in tokens if token in SIDES}
    if len(sides) > 1:
        raise NotUnderstoodError("more than one side", suggestions=())
    if any(one in SIDES and after in _PICTURES for one, after in pairwise(tokens)):
        raise NotUnderstoodError("a side of the image is not one of the patient")
    return (sides.pop() if sides else None), tuple(token for token in tokens if token not in SIDES)


def _without_frame(base: Tokens, lexicon: Lexicon) -> Tokens:
    """Drop words such as "please segment" and "mask" around a name."""
    start, end = 0, len(base)
    while start < end and base[start] in lexicon.openers:
        start += 1
    while end > start and base[end - 1] in lexicon.closers:
        end -= 1
    return base[start:end]


def _unknown(items: Items) -> str:
    if NOT in items.unknown:
        return "what is not wanted cannot be said so; name what is, or 'all organs except ...'"
    return f"{', '.join(map(repr, items.unknown))} {NOT_KNOWN}"


def _whole(items: Items) -> Tokens:
    """The organ of which only a part is wanted: it may be suggested, a neighbour or a disease may not."""
    if len(items.names) == 1 and set(items.unknown) <= others()["parts"]:
        return items.names[0][1].keys
    return ()


def _named(items: Items, side: str | None) -> Part:
    name, meaning = _only_name(items)
    if items.adjectives and not set(meaning.keys) <= set(items.adjectives[0].keys):
        raise NotUnderstoodError("two organs in one name")
    return sided(name, meaning, side)


def _only_name(items: Items) -> tuple[Tokens, Meaning]:
    """The one name; a lesion beside its host ("HCC of the liver") is the lesion."""
    lesions = [one for one in items.names if are_lesions(one[1].keys)]
    organs = [one for one in items.names if not are_lesions(one[1].keys)]
    if len(lesions) == 1 and organs:
        hosts = {host for key in lesions[0][1].keys for host in STRUCTURES[key].hosts}
        if all(set(meaning.keys) <= hosts for _, meaning in organs):
            return lesions[0]
    if len(items.names) > 1:
        raise NotUnderstoodError("two names without 'and' or a comma between them")
    return items.names[0]


def sided(name: Tokens, meaning: Meaning, side: str | None) -> Part:
    """A name with a side, or without.

    Raises:
        NotUnderstoodError: What is named has no such side.
    """
    keys, how = meaning.keys, meaning.how
    is_plural = any(token != stem(token) for token in name)
    if side is None:
        how = how.weaker(How.GROUP) if meaning.is_pair else how
        is_group = len(keys) > 1 and not meaning.is_pair
        collective = keys if is_group else ()
        return Part(keys, how, meaning.notes, is_pair=meaning.is_pair, is_plural=is_plural, collective=collective)
    if are_lesions(keys) and all(any(STRUCTURES[h].side for h in STRUCTURES[key].hosts) for key in keys):
        note = f"on both sides: the class {', '.join(keys)} has no side"
        return Part(keys, how.weaker(How.SYNONYM), (*meaning.notes, note), side=side)
    if side == BOTH:
        if not meaning.is_pair:
            raise NotUnderstoodError(f"{', '.join(keys)} is no pair", suggestions=keys)
        return Part(keys, how.weaker(How.GROUP), meaning.notes, side=side, is_plural=True)
    chosen = tuple(key for key in keys if STRUCTURES[key].side == _SIDE_WORDS[side])
    if not chosen or (len(keys) > 1 and not meaning.is_pair):
        raise NotUnderstoodError(f"there is no {_SIDE_WORDS[side]} one of {', '.join(keys)}", suggestions=keys)
    return Part(chosen, how.weaker(How.SYNONYM), meaning.notes, side=side)


def _lesion(items: Items, side: str | None, lexicon: Lexicon) -> Part:
    word, kind, how = items.lesions[0]
    if len({kind for _, kind, _ in items.lesions}) > 1:
        raise NotUnderstoodError("two kinds of lesions in one name")
    organs = [*items.adjectives, *(meaning for _, meaning in items.names)]
    if not organs:
        if side is not None or word not in lexicon.alone:
            raise NotUnderstoodError("of which organ?")
        alone = lexicon.alone[word]
        return Part(alone.keys, alone.how, alone.notes, lesion=kind, collective=alone.keys)
    wanted = {key for meaning in organs for key in meaning.keys}
    if all(are_lesions(meaning.keys) for meaning in organs) and len(organs) == 1:
        if {STRUCTURES[key].kind for key in wanted} != {kind}:
            raise NotUnderstoodError("two lesions in one name", suggestions=organs[0].keys)
        return sided((word,), organs[0], side)
    if len(organs) > 1 and not all(
        set(o.keys) <= set(organs[0].keys) or set(organs[0].keys) <= set(o.keys) for o in organs
    ):
        raise NotUnderstoodError("two organs in one name")
    keys = lesions_of(organs[0].keys, kind, lexicon)
    for organ in organs:
        how = how.weaker(organ.how if organ.how is not How.EXACT else How.SYNONYM)
    how = How.LANGUAGE if how is How.LANGUAGE else How.SYNONYM
    return sided((word,), Meaning(keys, how), side)


def lesions_of(organ: Tokens, kind: Kind, lexicon: Lexicon) -> Tokens:
    """Classes of a kind of lesion in an organ.

    A class named after another structure, as a tumour of the hepatic vessels, is not that of the organ around.

    Raises:
        NotUnderstoodError: There is none.
    """
    inside = [row for row in STRUCTURES if row.kind == kind and set(organ) <= set(row.hosts)]
    found = []
    for row in inside:
        place = tuple(token for token in lexicon.tokens(row.noun) if token not in lexicon.lesions)
        named = lexicon.find(place)
        if named is None or row.key in named.keys or set(named.keys) & set(organ):
            found.append(row.key)
    if not found:
        display = ", ".join(organ)
        others = tuple(row.key for row in STRUCTURES if row.is_lesion and set(organ) & set(row.hosts))
        raise NotUnderstoodError(f"there is no class for a {kind} of {display}", suggestions=others)
    return tuple(found)
