"""Empty files and folders, laid out as datasets are published (names only: nothing reads them)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def lay_out(root: Path, paths: Iterable[str]) -> Path:
    """Make every path below the root; one that ends in a slash is a folder."""
    for path in paths:
        target = root / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
    return root
