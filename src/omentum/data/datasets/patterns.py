"""Globs with an {id} in them: which paths match, and which id each has."""

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
    """Every path that matches, by its id. Links to folders are followed; hidden files and folders are not seen.

    Args:
        pattern: Glob relative to the root; {id} stands for part of one path component, the same wherever it stands.
        root: Where to look.
        accepts: Which of the matching paths count.
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
    """The {id} in the name of a file (no .nii, no .nii.gz) or folder, by the part of a pattern that it is of."""
    for part in reversed(PurePosixPath(pattern).parts):
        shape = re.sub(r"\.nii(\.gz|\*)?$", "", part)
        if "{id}" in part and (match := _expression(shape).fullmatch(name)):
            return match["id"]
    return None


def natural(text: str) -> tuple[tuple[float, str], ...]:
    """Sort key under which 2 comes before 10, and numbers before words."""
    parts = filter(None, re.split(r"(\d+)", text))
    return tuple((int(part) if part.isdecimal() else math.inf, part) for part in parts)


def literal_length(pattern: str) -> int:
    """How many characters of a path it fixes."""
    return sum(len(piece) for piece in _SPECIAL.split(pattern)[::2])


def _expression(pattern: str) -> re.Pattern[str]:
    """The pattern with {id} as a named group; what the id takes is as short as possible."""
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
