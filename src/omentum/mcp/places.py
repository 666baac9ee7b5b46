"""Which files a language model may have read, and where results are written."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from omentum.errors import InputError, OutputError, UsageError

_NAME = re.compile(r"\w[\w .()+-]*", re.ASCII)
_LONGEST_NAME = 100


class Places:
    """Folders that may be read, and the folder below which results are written.

    Args:
        roots: Folders; they and everything in them may be read.
        out: Folder for results, created where needed; it may be read, too.

    Raises:
        InputError: A root is no folder.
        OutputError: The output folder is a file.
    """

    def __init__(self, roots: Sequence[Path], out: Path) -> None:
        for root in roots:
            if not root.is_dir():
                raise InputError("no such folder", source=root, remedy="give --root a folder of CTs")
        if out.exists() and not out.is_dir():
            raise OutputError("is a file", source=out, remedy="give -o a folder for the results")
        self.out = _real(out)
        self.roots = tuple(map(_real, roots))

    def readable(self, path: str) -> Path:
        """The real path of an input.

        Args:
            path: Absolute, from the home directory (`~`), or relative to one of the folders.

        Raises:
            UsageError: It is an address, or lies outside the folders, or holds a link that leads out of them.
            InputError: There is no such file or folder.
        """
        if "://" in path:
            raise UsageError("only files and folders of this machine are read, no addresses")
        try:
            place = self._inside(path)
            is_there = place.exists()
        except (OSError, ValueError, RuntimeError) as fault:  # too long, a NUL, `~` of an unknown user
            raise InputError("cannot be the path of a file", source=path[:100]) from fault
        if not is_there:
            raise InputError("no such file or folder", source=path, remedy=f"readable are {self._listed()}")
        if place.is_dir():
            self._check_links(place)
        return place

    def writable(self, name: str | None) -> Path:
        """A folder for results below the output folder.

        Args:
            name: Name of the folder; None for the output folder itself.

        Raises:
            UsageError: It is no plain name.
        """
        if name is None:
            return self.out
        if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name) or self._allowed(self.out / name) != self.out / name:
            raise UsageError(f"{name!r} is no name for a folder of results", remedy="one plain name such as follow-up")
        return self.out / name

    def _inside(self, path: str) -> Path:
        given = Path(path).expanduser()
        places = [given] if given.is_absolute() else [folder / given for folder in (*self.roots, self.out)]
        found = self._allowed(next((place for place in places if os.path.lexists(place)), places[0]))
        if found is None:
            reason, remedy = "lies outside the folders this server may read", "omentum mcp --root names others"
            raise UsageError(reason, source=path, remedy=f"readable are {self._listed()}; {remedy}")
        return found

    def _allowed(self, path: Path) -> Path | None:
        place = _real(path)
        return place if any(place.is_relative_to(folder) for folder in (*self.roots, self.out)) else None

    def _check_links(self, folder: Path) -> None:
        for parent, folders, files in os.walk(folder):
            for name in (*folders, *files):
                link = Path(parent, name)
                if link.is_symlink() and self._allowed(link) is None:
                    remedy = "remove the link, or start omentum mcp with --root for its target"
                    raise UsageError("is a link out of the folders this server may read", source=link, remedy=remedy)

    def _listed(self) -> str:
        return ", ".join(map(str, dict.fromkeys((*self.roots, self.out))))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
