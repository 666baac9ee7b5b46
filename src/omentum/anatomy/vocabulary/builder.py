"""Building the lexicon from the word tables and the structures of this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from omentum.anatomy.pairs import PAIRS
from omentum.anatomy.structure import Structure
from omentum.anatomy.structures import STRUCTURES
from omentum.anatomy.vocabulary.folding import folded, is_chinese, stem
from omentum.anatomy.vocabulary.lexicon import ALL, AND, BOTH, EXCEPT, LEFT, NOT, RIGHT, SIDES, Lexicon, Meaning, Tokens
from omentum.anatomy.vocabulary.tables import ENGLISH, Language, groups, languages, others
from omentum.anatomy.vocabulary.understanding import How

_MARKS = {
    **{"left": LEFT, "right": RIGHT, "both": BOTH},
    **{"joins": AND, "excepts": EXCEPT, "denials": NOT, "all": ALL},
}

_built: dict[int, Lexicon] = {}


def lexicon() -> Lexicon:
    """The words for the structures of this process."""
    if STRUCTURES.revision not in _built:
        made = _Builder(tuple(STRUCTURES)).build()
        _built.clear()
        _built[STRUCTURES.revision] = made
    return _built[STRUCTURES.revision]


class _Builder:
    """Fills a lexicon; later words replace earlier ones: foreign, English, packaged names, own structures."""

    def __init__(self, rows: tuple[Structure, ...]) -> None:
        self._rows = rows
        self._own = {row.key for row in rows} - set(STRUCTURES.default_keys)
        tables = languages()
        small = {token for table in tables.values() for word in table.small for token in folded(word)}
        self._lexicon = Lexicon(
            marks=_marks(tables.values()),
            small=frozenset(small),
            openers=frozenset(_tokens(tables, "openers")),
            closers=frozenset(_tokens(tables, "closers")),
            own=frozenset(t for row in rows if row.key in self._own for name in row.names for t in folded(name)),
            plain=frozenset(tables["english"].modifiers["plain"]),
            origins=frozenset(tables["english"].modifiers["origins"]),
            chinese=dict.fromkeys(_chinese(tables["chinese"], rows)),
        )

    def build(self) -> Lexicon:
        for name, table in reversed(languages().items()):
            how = How.SYNONYM if name in ENGLISH else How.LANGUAGE
            self._add_table(table, how)
        self._add_rows([row for row in self._rows if row.key not in self._own])
        self._add_rows([row for row in self._rows if row.key in self._own])
        made = self._lexicon
        made.stems.update({tuple(map(stem, name)): made.names[name] for name in made.names if self._is_regular(name)})
        made.codes.update(_codes(self._rows))
        return made

    def _is_regular(self, name: Tokens) -> bool:
        """Whether singular and plural mean the same; a collective word is accepted only as written."""
        meaning = self._lexicon.names[name]
        return meaning.is_pair or len(meaning.keys) == 1

    def _add_table(self, table: Language, how: How) -> None:
        lexicon = self._lexicon
        for kind in ("tumour", "cyst"):
            lexicon.lesions.update({t: (kind, how) for word in table.lesions.get(kind, ()) for t in self._forms(word)})
        for key, words in table.adjectives.items():
            meaning = Meaning(_members(key), how, is_pair=key in PAIRS)
            lexicon.adjectives.update({token: meaning for word in words for token in self._forms(word)})
        for key, words in table.names.items():
            self._add(words, _members(key), how, is_pair=key in PAIRS, notes=table.notes)
        for group, words in table.groups.items():
            keys = _group_keys(group, self._rows)
            weak = How.GROUP if how is How.SYNONYM else how
            for word in words:
                token = lexicon.tokens(word)
                if len(token) == 1 and token[0] in lexicon.lesions:
                    lexicon.alone[token[0]] = Meaning(keys, weak, notes=_note(word, table.notes))
                else:
                    self._add([word], keys, weak, notes=table.notes)

    def _forms(self, word: str) -> set[str]:
        """A single word folded, with umlauts in both spellings."""
        return {token for plain in (True, False) for token in self._lexicon.tokens(word, spelled_out=plain)}

    def _add(
        self, words: Iterable[str], keys: Tokens, how: How, *, is_pair: bool = False, notes: Mapping[str, str]
    ) -> None:
        if not keys or any(key not in STRUCTURES for key in keys):
            return
        meaning_of = {word: Meaning(keys, how, is_pair, _note(word, notes)) for word in words}
        for word, meaning in meaning_of.items():
            for spelled_out in (False, True):
                self._put(tuple(self._lexicon.tokens(word, spelled_out=spelled_out)), meaning)

    def _put(self, name: Tokens, meaning: Meaning) -> None:
        known = self._lexicon.names.get(name)
        if not name or (known and known.keys == meaning.keys and meaning.how is How.SYNONYM):
            return  # what is foreign stays foreign, although the table has it as a synonym
        self._lexicon.names[name] = meaning

    def _add_rows(self, rows: list[Structure]) -> None:
        lexicon = self._lexicon
        bases: dict[tuple[str, str], set[Tokens]] = {}
        for row in rows:
            for name in row.names:
                tokens = tuple(lexicon.tokens(name))
                how = How.EXACT if name in (row.key, row.display) else How.SYNONYM
                if how is How.EXACT:
                    lexicon.exact[tokens] = row.key
                base = tuple(token for token in tokens if token not in SIDES)
                if not row.side and len(base) == len(tokens) - 1:
                    lexicon.sided[base, next(token for token in tokens if token in SIDES)] = row.key
                elif row.side and len(base) < len(tokens):
                    bases.setdefault((row.key, row.pair or ""), set()).add(base)
                elif tokens and not (row.key in STRUCTURES.default_keys and self._is_collective(tokens)):
                    self._put(tokens, Meaning((row.key,), how, notes=self._replaced(tokens, row.key)))
        for (key, pair), said in bases.items():
            for base in said:
                if base in bases.get((pair, key), ()):
                    self._put(base, Meaning(_ordered(key, pair), How.SYNONYM, is_pair=True))
                else:
                    side = STRUCTURES[key].side
                    lexicon.sided[base, LEFT if side == "left" else RIGHT] = key
        for word, sides in PAIRS.items():
            self._add([word], sides, How.SYNONYM, is_pair=True, notes={})

    def _replaced(self, name: Tokens, key: str) -> Tokens:
        """A note, if an own structure takes a name over from a packaged word."""
        known = self._lexicon.names.get(name)
        if known is None or key not in self._own or key in known.keys:
            return known.notes if known and known.keys == (key,) else ()
        return (f"your own structure; without it the word means {', '.join(known.keys)}",)

    def _is_collective(self, name: Tokens) -> bool:
        known = self._lexicon.names.get(name)
        return known is not None and known.how is How.GROUP


def _ordered(key: str, pair: str) -> Tokens:
    return next((sides for sides in PAIRS.values() if {*sides} == {key, pair}), (key, pair))


def _members(key: str) -> Tokens:
    return PAIRS.get(key, (key,))


def _note(word: str, notes: Mapping[str, str]) -> Tokens:
    return (notes[word],) if word in notes else ()


def _group_keys(group: str, rows: Iterable[Structure]) -> Tokens:
    rule = groups()[group]
    listed = {member for key in rule.keys for member in _members(key)}
    return tuple(row.key for row in rows if row.kind in rule.kinds or row.key in listed)


def _marks(tables: Iterable[Language]) -> dict[Tokens, str]:
    return {
        tuple(folded(word, spelled_out=spelled_out)): mark
        for table in tables
        for column, mark in _MARKS.items()
        for word in getattr(table, column)
        for spelled_out in (False, True)
    }


def _tokens(tables: Mapping[str, Language], column: str) -> Iterator[str]:
    for table in tables.values():
        for word in getattr(table, column):
            yield from folded(word)


def _chinese(table: Language, rows: Iterable[Structure]) -> Iterator[str]:
    words = [word for column in (*_MARKS, "small", "openers", "closers") for word in getattr(table, column)]
    words += [word for names in (table.lesions, table.names, table.groups) for ws in names.values() for word in ws]
    words += [name for row in rows for name in row.names]
    words += [word for kind in others().values() for word in kind]
    # Names of several words joined by one for "and" are tokens of their own.
    joins = set(table.joins)
    for word in words:
        for piece in folded(word):
            if is_chinese(piece) and (piece in joins or not any(join in piece for join in joins)):
                yield piece


def _codes(rows: Iterable[Structure]) -> dict[str, Tokens]:
    """Codes that denote one structure or pair; codes with a region ("neoplasm in the liver") are too general alone."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.snomed_region is None:
            found.setdefault(row.snomed.code, []).append(row.key)
    return {code: tuple(keys) for code, keys in found.items() if len(keys) == 1 or tuple(keys) in _both_orders()}


def _both_orders() -> set[Tokens]:
    return {order for right, left in PAIRS.values() for order in ((right, left), (left, right))}
