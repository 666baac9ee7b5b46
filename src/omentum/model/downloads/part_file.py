"""The partial file of a download, kept so that a later attempt can resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO

from omentum.atomic import write_json
from omentum.errors import OutputError


class PartFile:
    """The partial file and, beside it, the validator by which the server recognises the same version.

    Args:
        target: Where the complete file will go.
    """

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._mark = target.with_name(f"{target.name}.part.json")

    @property
    def size(self) -> int:
        """Number of bytes received so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def validator(self) -> str:
        """A strong ETag or a date; empty if there is none, so that nothing can be resumed."""
        try:
            return str(json.loads(self._mark.read_text(encoding="utf-8"))["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def opened(self, start: int, headers: Any) -> BinaryIO:
        """Open for writing, truncated to `start` bytes; at 0 the validator of the server is stored, too."""
        try:
            if start == 0:
                tag = headers.get("ETag", "")
                validator = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")
                write_json(self._mark, {"validator": validator})
            self.path.touch()
            file = self.path.open("r+b")
            file.truncate(start)
            file.seek(start)
        except OSError as fault:
            raise OutputError(f"cannot be written: {fault.strerror}", source=self.path) from fault
        return file

    def discard(self) -> None:
        """Delete the partial file and its mark."""
        self.path.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)
