"""Hash of the source files of a case; files are read again only if their size or modification time changed.

The store records content, not times: copying or touching a dataset changes nothing, and the same dataset gives the same
store on every machine. Times only save reading; they are kept in a separate cache that may be deleted.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from omentum.errors import InputError

Stamps = list[list[str | int]]
"""Path, size in bytes, and time of change in ns, for each file."""

CORRECTIONS, CORRECTIONS_FILE = "corrections", "corrections.json"
"""Folder of a store with the corrections of its cases, and their description; it lists the hash of every mask."""

SETTLED_S = 2.0
"""A file changed so recently could change once more within one tick of the clock; its date proves nothing."""


def source_hash(paths: Sequence[Path], cache_file: Path) -> str:
    """SHA-256 over the files of a case.

    Args:
        paths: Files, and folders with all their files, in a fixed order.
        cache_file: Caches the hash together with file sizes and modification times.

    Raises:
        InputError: A file is missing or cannot be read.
    """
    known = known_hash(paths, cache_file)
    if known is not None:
        return known
    stamps = _stamps(paths)
    digest = hashlib.sha256()
    for root in paths:
        for file in _files(root):
            digest.update(f"{file.relative_to(root) if file != root else file.suffix}\0".encode())
            digest.update(_content(file))
    if max((int(stamp[2]) for stamp in stamps), default=0) < time.time_ns() - SETTLED_S * 1e9:
        cache_file.parent.mkdir(parents=True, exist_ok=True)
        # No fsync needed: a truncated cache file is ignored.
        cache_file.write_text(json.dumps({"stamps": stamps, "sha256": digest.hexdigest()}), encoding="utf-8")
    return digest.hexdigest()


def corrections_hash(store: Path, case: str) -> str:
    """SHA-256 of the description of a case's corrections in a store; "" if it has none."""
    try:
        return hashlib.sha256((store / CORRECTIONS / case / CORRECTIONS_FILE).read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def known_hash(paths: Sequence[Path], cache_file: Path) -> str | None:
    """The cached hash if no file has changed since, else None; reads no file content.

    Raises:
        InputError: A file is missing.
    """
    try:
        raw = json.loads(cache_file.read_bytes())
        return str(raw["sha256"]) if raw["stamps"] == _stamps(paths) else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _stamps(paths: Sequence[Path]) -> Stamps:
    found: Stamps = []
    for file in (file for root in paths for file in _files(root)):
        status = file.stat()
        found.append([str(file), status.st_size, status.st_mtime_ns])
    return found


def _files(root: Path) -> list[Path]:
    if not root.exists():
        raise InputError("is missing", source=root)
    return [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
