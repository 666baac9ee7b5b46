"""Consistency checks for a table of structures of any origin."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import get_args

from omentum.anatomy.structure import Kind, Side, Structure, normalise
from omentum.errors import UsageError

HIGHEST_INDEX = 65535
"""Label maps hold 16 bits a voxel."""

RESERVED = ("all", "none", "background", "body", "ignore")
"""Words that mean something else wherever structures are named: in label maps, stores and on the command line."""

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def check_table(rows: Mapping[str, Structure], changed: Collection[str], words: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse an inconsistent table.

    Args:
        rows: By key.
        changed: Keys of the rows to check individually; the others were checked before.
        words: Plural words, which no structure may use as a name.

    Raises:
        UsageError: The first inconsistency found.
    """
    for key in changed:
        _check_row(rows[key])
    for row in rows.values():  # a changed row may be the pair or host of an unchanged one
        _check_relations(row, rows)
    _check_numbers(rows)
    _check_names(rows, words)


def _check_row(row: Structure) -> None:
    if not _KEY.fullmatch(row.key):
        remedy = "letters, digits and _ after a letter, 64 at most: it becomes a file name"
        raise UsageError(f"{row.key!r} is no key of a structure", remedy=remedy)
    if row.kind not in get_args(Kind):
        raise UsageError(f"{row.key}: kind is one of {', '.join(get_args(Kind))}, got {row.kind!r}")
    if row.side not in (None, *get_args(Side)):
        raise UsageError(f"{row.key}: side is left or right, got {row.side!r}")
    if not (type(row.index) is int and 1 <= row.index <= HIGHEST_INDEX):
        raise UsageError(f"{row.key}: index is a whole number from 1 to {HIGHEST_INDEX}, got {row.index!r}")
    if len(row.colour) != 3 or not all(type(c) is int and 0 <= c <= 255 for c in row.colour):
        raise UsageError(f"{row.key}: colour is three numbers from 0 to 255 or #rrggbb, got {row.colour!r}")
    if len(row.volume_ml) != 2 or not 0 < row.volume_ml[0] < row.volume_ml[1] < float("inf"):
        raise UsageError(f"{row.key}: volume_ml is a range above 0 such as [20, 220], got {list(row.volume_ml)}")


def _check_relations(row: Structure, rows: Mapping[str, Structure]) -> None:
    for host in row.hosts:
        if host not in rows:
            raise UsageError(f"{row.key}: unknown host {host!r}", remedy="hosts are keys of structures")
        if row.key in _around(host, rows):
            raise UsageError(f"{row.key}: cannot be inside of {host}, which is inside of it")
    if bool(row.side) != bool(row.pair):
        missing, given = ("pair", "side") if row.side else ("side", "pair")
        remedy = "give both, or neither where there is no counterpart on the other side"
        raise UsageError(f"{row.key}: has a {given} and no {missing}", remedy=remedy)
    if row.pair:
        other = rows.get(row.pair)
        if other is None:
            raise UsageError(f"{row.key}: its pair {row.pair!r} is no structure")
        if other.pair != row.key or row.pair == row.key:
            raise UsageError(f"{row.key}: is the pair of {row.pair}, which is not the pair of {row.key}")
        if {row.side, other.side} != {"left", "right"}:
            raise UsageError(f"{row.key}: is on the {row.side}, and so is its pair {row.pair}")


def _around(key: str, rows: Mapping[str, Structure]) -> set[str]:
    """A structure with its hosts, their hosts, and so on."""
    waiting, found = [key], set[str]()
    while waiting:
        key = waiting.pop()
        if key in rows and key not in found:
            found.add(key)
            waiting += rows[key].hosts
    return found


def _check_numbers(rows: Mapping[str, Structure]) -> None:
    owner: dict[int, str] = {}
    for row in rows.values():
        if (first := owner.setdefault(row.index, row.key)) != row.key:
            remedy = "leave index out, or choose another"
            raise UsageError(f"{row.key}: index {row.index} is that of {first}", remedy=remedy)


def _check_names(rows: Mapping[str, Structure], words: Mapping[str, tuple[str, ...]]) -> None:
    owner = {normalise(word): f"the word for {' and '.join(keys)}" for word, keys in words.items()}
    owner |= {word: f"reserved, as are {', '.join(RESERVED)}" for word in RESERVED}
    for row in rows.values():
        for name in row.names:
            if (first := owner.setdefault(normalise(name), row.key)) != row.key:
                raise UsageError(f"{row.key}: is called {name!r}, which is {first}", remedy="no two share a name")
