"""The table of structures, by key, synonym or number: the packaged 32 and user-defined ones.

There is one table per process. It starts as the packaged one and changes only through `StructureTable.include`.
Everything derived from it (`GROUPS`, pairs, post-processing rules) is a `LiveTable`, which is recomputed after a
change.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import resources
from typing import Any, TypeVar

from omentum.anatomy.structure import SnomedCode, Structure, normalise
from omentum.anatomy.structure_checks import check_table
from omentum.anatomy.suggestions import UnknownStructureError, suggestions
from omentum.errors import UsageError

Value = TypeVar("Value")

_WORDS: dict[str, tuple[str, ...]] = {
    "kidneys": ("right_kidney", "left_kidney"),
    "lungs": ("right_lung", "left_lung"),
    "adrenals": ("right_adrenal", "left_adrenal"),
    "femoral heads": ("left_femoral_head", "right_femoral_head"),
    "bowel": ("colon", "small_bowel"),
    "gi tract": ("oesophagus", "stomach", "duodenum", "colon", "small_bowel", "rectum"),
    "great vessels": ("aorta", "inferior_vena_cava"),
    "urinary tract": ("right_kidney", "left_kidney", "bladder"),
}

SIDELESS_WORDS: dict[str, tuple[str, ...]] = {
    "kidneys": ("kidney",),
    "lungs": ("lung",),
    "adrenals": ("adrenal", "adrenal gland", "adrenal glands", "suprarenal gland", "suprarenal glands"),
    "femoral_heads": ("femoral head", "femur head", "femur heads", "head of femur", "heads of femur"),
}
"""Words for one of a pair, whichever side it is on; no structure may be called so."""
_PAIRS = {
    word: (pair.replace("_", " "), *_WORDS[pair.replace("_", " ")])
    for pair, words in SIDELESS_WORDS.items()
    for word in words
}


class StructureTable:
    """All structures in the order of their numbers; a mapping from key to `Structure`.

    Attributes:
        revision: Change counter, used to invalidate derived data.
    """

    def __init__(self, rows: tuple[Structure, ...]) -> None:
        self._defaults = _in_order({row.key: row for row in rows})
        self.revision = 0
        self._set(self._defaults)

    def __getitem__(self, key: str) -> Structure:
        return self._by_key[key]

    def __iter__(self) -> Iterator[Structure]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    @property
    def keys(self) -> tuple[str, ...]:
        """Structure keys in the order of their numbers."""
        return tuple(self._by_key)

    @property
    def default_keys(self) -> tuple[str, ...]:
        """Keys of the packaged table, in template order."""
        return tuple(self._defaults)

    def at(self, index: int) -> Structure:
        """The structure with this number (1..32 in the packaged table).

        Raises:
            UsageError: There is none.
        """
        for row in self:
            if row.index == index:
                return row
        highest = max(row.index for row in self)
        raise UsageError(f"no structure has template index {index}; they run from 1 to {highest}")

    def find(self, name: str) -> Structure:
        """Find a structure by key, display name, prompt noun or synonym, ignoring case, hyphens and American spelling.

        Raises:
            UnknownStructureError: The name is unknown; the message suggests the closest ones.
        """
        row = self._names.get(normalise(name))
        if row is None:
            raise UnknownStructureError([name], [suggestions(name, self._names, _PAIRS, ())])
        return row

    def expand(self, name: str) -> tuple[Structure, ...]:
        """Like `find`, but also accepts a plural such as "kidneys" or "great vessels"."""
        return self.expand_all([name])

    def expand_all(self, names: Iterable[str]) -> tuple[Structure, ...]:
        """Structures denoted by several words, each once, in word order.

        Raises:
            UnknownStructureError: Some words are unknown; the message names all of them.
        """
        found, unknown = dict[str, Structure](), list[str]()
        for name in names:
            group, row = self._words.get(normalise(name), ()), self._names.get(normalise(name))
            if not group and row is None:
                unknown.append(name)
            found.update({key: self[key] for key in group} if group or row is None else {row.key: row})
        if unknown:
            raise UnknownStructureError(
                unknown, [suggestions(name, self._names, _PAIRS, self._words) for name in unknown]
            )
        return tuple(found.values())

    def include(self, rows: Iterable[Structure], *, binding: bool = True) -> None:
        """Add structures or redefine packaged ones, for the whole process.

        Including the same rows again changes nothing. A second definition of an included structure is refused, since
        existing masks and label values would silently change their meaning.

        Args:
            rows: See `structure_file.read_structures`.
            binding: False for rows stored in a file: if they differ only in display, names or plausible volume, the
                present definition is kept.

        Raises:
            UsageError: A structure has a second definition, or the table is inconsistent; nothing was changed.
        """
        new = {row.key: row for row in rows if self._is_new(row, binding)}
        if not new:
            return
        table = _in_order(self._by_key | new)
        sideless = {word: _WORDS[pair.replace("_", " ")] for pair, words in SIDELESS_WORDS.items() for word in words}
        check_table(table, new, _words_of(table) | sideless)
        self._set(table)

    def carried(self, keys: Iterable[str]) -> tuple[Structure, ...]:
        """Rows of structures, their hosts and pairs that differ from the packaged ones: what a file must store."""
        waiting, found = list(keys), dict[str, Structure]()
        while waiting:
            row = self[waiting.pop()]
            if row.key not in found:
                found[row.key] = row
                waiting += [*row.hosts, *([row.pair] if row.pair else ())]
        return tuple(row for row in self if row.key in found and self._defaults.get(row.key) != row)

    def reset(self) -> None:
        """Restore the packaged table; for tests and long-lived processes."""
        if self._by_key != self._defaults:
            self._set(self._defaults)

    def _is_new(self, row: Structure, binding: bool) -> bool:
        known = self._by_key.get(row.key)
        default = self._defaults.get(row.key)
        if default is not None and row.index != default.index:
            remedy = "leave index out: label maps of others are read by it"
            raise UsageError(f"{row.key}: has the number {default.index} for good, not {row.index}", remedy=remedy)
        if default is not None and row.kind != default.kind:
            remedy = "leave kind out, or give your structure another key"
            raise UsageError(f"{row.key}: is a {default.kind}, and cannot be of kind {row.kind!r}", remedy=remedy)
        if known is None or known == default:
            return known != row
        if known != row and (binding or known.meaning != row.meaning):
            remedy = "use one of them in a process, or give one another key"
            raise UsageError(f"{row.key}: is defined already, and otherwise ({_difference(known, row)})", remedy=remedy)
        return False

    def _set(self, table: Mapping[str, Structure]) -> None:
        self._by_key = dict(table)
        self._names = {normalise(name): row for row in self for name in row.names}
        self._words = {normalise(word): keys for word, keys in _words_of(table).items()}
        self.revision += 1


def _in_order(rows: Mapping[str, Structure]) -> dict[str, Structure]:
    return {row.key: row for row in sorted(rows.values(), key=lambda row: row.index)}


def _difference(one: Structure, other: Structure) -> str:
    name = next(name for name, value in vars(one).items() if vars(other)[name] != value)
    return f"{name} {vars(one)[name]!r}, not {vars(other)[name]!r}"


def pairs_of(rows: Mapping[str, Structure]) -> dict[str, tuple[str, str]]:
    """Word for both sides -> (right, left): the key without its side, or both keys if that is ambiguous."""
    names = {normalise(name) for row in rows.values() for name in row.names}
    found = {}
    for row in rows.values():
        if row.side == "right" and row.pair:
            words = {re.sub(r"(?i)(^|_)(left|right|[lr])(?=_|$)", "", key).strip("_") for key in (row.key, row.pair)}
            word = words.pop() if len(words) == 1 else ""
            known = not word or normalise(word) in names or word in found
            found[f"{row.key}+{row.pair}" if known else word] = (row.key, row.pair)
    return found


def _words_of(rows: Mapping[str, Structure]) -> dict[str, tuple[str, ...]]:
    """Plural words: some are listed above, "tumours" and "vessels" denote all of a kind, a pair denotes both sides."""
    kinds = {f"{kind}s": tuple(row.key for row in rows.values() if row.kind == kind) for kind in ("vessel", "tumour")}
    taken = {key for keys in _WORDS.values() for key in keys}
    pairs = {word: sides for word, sides in pairs_of(rows).items() if not taken.issuperset(sides)}
    return pairs | _WORDS | kinds


class LiveTable(Mapping[str, Value]):
    """A table derived from `STRUCTURES`: computed on first access, and again after structures were included."""

    def __init__(self, make: Callable[[], Mapping[str, Value]]) -> None:
        self._make, self._revision, self._table = make, -1, dict[str, Value]()

    def __getitem__(self, key: str) -> Value:
        return self._now()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def _now(self) -> Mapping[str, Value]:
        if self._revision != STRUCTURES.revision:
            self._table, self._revision = dict(self._make()), STRUCTURES.revision
        return self._table


def load_structures() -> StructureTable:
    """Read the packaged structures.toml."""
    raw = tomllib.loads((resources.files("omentum.anatomy") / "structures.toml").read_text(encoding="utf-8"))
    return StructureTable(tuple(row_of(key, columns) for key, columns in raw.items()))


def row_of(key: str, columns: Mapping[str, Any]) -> Structure:
    """Build a row from complete columns, as TOML or JSON values."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in columns.items()
    }
    for name in ("snomed", "snomed_region"):
        if values.get(name) is not None:
            values[name] = SnomedCode(**values[name])
    return Structure(key=key, **values)


STRUCTURES = load_structures()
"""The table of this process: the packaged 32, and what was included since."""

GROUPS: Mapping[str, tuple[str, ...]] = LiveTable(lambda: _words_of({row.key: row for row in STRUCTURES}))
"""Plural words a user may say for several structures at once."""
