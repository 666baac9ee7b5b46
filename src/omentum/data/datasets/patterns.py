"""Glob patterns with an `{id}` placeholder: find matching paths and extract their ids."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from glob import glob
from pathlib import Path, PurePosixPath

_SPECIAL = re.compile(r"(\{id\}|\*\*/|\*|\?|\[[^\]]+\])")

Matches = dict[str, list[Path]]
"""Case id -> paths below the root, naturally sorted."""


def find_paths(pattern: str, root: Path, accepts: Callable[[Path], bool]) -> Matches:
    """Find every path that matches, by id. Links to folders are followed; hidden files and folders are skipped.

    Args:
        pattern: Glob relative to the root. `{id}` matches part of one path component; repeated placeholders must agree.
        root: Folder to search.
        accepts: Predicate that selects among the matching paths.
    """
    shape = _expression(pattern)
    found: Matches = {}
    names = glob(pattern.replace("{id}", "*"), root_dir=root, recursive=True)  # noqa: PTH207 (pathlib follows no links)
    for name in sorted(names, key=natural):
        match = shape.fullmatch(PurePosixPath(name).as_posix())
        if match and accepts(root / name):
            found.setdefault(match["id"], []).append(root / name)
    return found


def id_in(pattern: str, name: str) -> str | None:
    """Extract the id from a file name (without suffix) or folder name, using the matching pattern component."""
    for part in reversed(PurePosixPath(pattern).parts):
        shape = re.sub(r"\.(nii(\.gz|\*)?|nrrd|mha|mhd)$", "", part)
        if "{id}" in part and (match := _expression(shape).fullmatch(name)):
            return match["id"]
    return None


def natural(text: str) -> tuple[tuple[float, str], ...]:
    """Sort key for natural order: 2 before 10, numbers before words."""
    parts = filter(None, re.split(r"(\d+)", text))
    return tuple((int(part) if part.isdecimal() else math.inf, part) for part in parts)


def literal_length(pattern: str) -> int:
    """Number of literal characters in a pattern."""
    return sum(len(piece) for piece in _SPECIAL.split(pattern)[::2])


def _expression(pattern: str) -> re.Pattern[str]:
    """Compile a pattern to a regular expression with `{id}` as a non-greedy named group."""
    pieces, seen = [], False
    for piece in _SPECIAL.split(pattern):
        pieces.append(_piece(piece, seen))
        seen = seen or piece == "{id}"
    return re.compile("".join(pieces))


def _piece(piece: str, seen: bool) -> str:
    fixed = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]", "{id}": "(?P=id)" if seen else "(?P<id>[^/]+?)"}
    if piece in fixed:
        return fixed[piece]
    if piece.startswith("["):
        return piece.replace("[!", "[^", 1)
    return re.escape(piece)
