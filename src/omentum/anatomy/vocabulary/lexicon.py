"""All known words in one index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from omentum.anatomy.structure import Kind
from omentum.anatomy.vocabulary.folding import folded, is_chinese, separated, simplified, stem
from omentum.anatomy.vocabulary.tables import languages
from omentum.anatomy.vocabulary.understanding import How

Tokens = tuple[str, ...]

LEFT, RIGHT, BOTH = "<left>", "<right>", "<both>"
AND, COMMA, EXCEPT, NOT, ALL = "<and>", "<,>", "<except>", "<not>", "<all>"
SIDES = {LEFT, RIGHT, BOTH}
_COMMAS = frozenset(",;，；")


@dataclass(frozen=True)
class Meaning:
    """What a name means."""

    keys: Tokens
    how: How
    is_pair: bool = False
    notes: Tokens = ()


@dataclass(frozen=True)
class Lexicon:
    """Words by their role; names and phrases are tuples of tokens, with marks such as `<left>` for function words.

    Attributes:
        marks: Phrases of function words -> mark.
        small: Words that are ignored.
        openers, closers: Words ignored at the beginning and the end.
        exact: Keys and display names, sides included -> key.
        names: Names without their side -> meaning.
        stems: The same in the singular, where it is regular.
        sided: Name and side -> key, where only one side is called so.
        adjectives: Adjective -> meaning of the organ.
        lesions: Word for an abnormality -> its kind.
        alone: Word for an abnormality that stands alone -> all such classes.
        own: Tokens of the names of own structures.
        plain, origins: Words ignored beside a word for a lesion; origins only if there is an organ.
        codes: SNOMED CT code -> keys.
        chinese: All Chinese words, for dividing a run of characters.
    """

    marks: Mapping[Tokens, str]
    small: frozenset[str]
    openers: frozenset[str]
    closers: frozenset[str]
    exact: dict[Tokens, str] = field(default_factory=dict)
    names: dict[Tokens, Meaning] = field(default_factory=dict)
    stems: dict[Tokens, Meaning] = field(default_factory=dict)
    sided: dict[tuple[Tokens, str], str] = field(default_factory=dict)
    adjectives: dict[str, Meaning] = field(default_factory=dict)
    lesions: dict[str, tuple[Kind, How]] = field(default_factory=dict)
    alone: dict[str, Meaning] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    codes: dict[str, Tokens] = field(default_factory=dict)
    chinese: dict[str, None] = field(default_factory=dict)

    def tokens(self, phrase: str, *, spelled_out: bool = False) -> list[str]:
        """Tokens of a phrase with marks for function words, without small words."""
        traditional = languages()["chinese"].traditional
        words = folded(simplified(phrase, traditional), spelled_out=spelled_out)
        words = [piece for word in words for piece in (separated(word, self.chinese) if is_chinese(word) else [word])]
        marked, start = list[str](), 0
        while start < len(words):
            lengths = range(min(5, len(words) - start), 0, -1)
            length = next((n for n in lengths if tuple(words[start : start + n]) in self.marks), 0)
            if length:
                mark = self.marks[tuple(words[start : start + length])]
                marked.append(COMMA if words[start] in _COMMAS else mark)
            elif words[start] not in self.small:
                marked.append(words[start])
            start += length or 1
        return marked

    def find(self, name: Tokens) -> Meaning | None:
        """What a name without a side means, also in the plural."""
        singular = tuple(map(stem, name))
        return self.names.get(name) or (self.stems.get(singular) if singular != name else None)

    def is_known(self, token: str) -> bool:
        """Whether a token occurs in any name or has a role of its own."""
        return any(token in words for words in (self.words, self.openers, self.closers, self.plain, self.origins))

    @cached_property
    def words(self) -> frozenset[str]:
        """All tokens of names, adjectives and words for lesions."""
        found = {token for name in self.names for token in name} | {
            stem(token) for name in self.names for token in name
        }
        return frozenset(found | self.adjectives.keys() | self.lesions.keys() | {"tumor", "tumors"})

    @cached_property
    def spelt(self) -> tuple[str, ...]:
        """Tokens to which others may be corrected."""
        return tuple(w for w in self.words if w.isascii() and w.isalpha() and len(w) >= 4)
