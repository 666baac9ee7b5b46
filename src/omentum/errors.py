"""What can go wrong, as the user should read it: one line that names the file, the reason and the remedy."""

from __future__ import annotations

from pathlib import Path


class OmentumError(Exception):
    """A fault whose message is meant for the user.

    Args:
        reason: What was expected and what came, in one line.
        source: The file (or other thing) that is at fault, named first in the message.
        remedy: What the user can do about it, shown in brackets.
    """

    exit_code = 2

    def __init__(self, reason: str, *, source: str | Path | None = None, remedy: str | None = None) -> None:
        self.reason, self.source, self.remedy = reason, source, remedy
        super().__init__(reason)

    def __str__(self) -> str:
        """`<file>: <reason> (<what to do>)` on a single line, whatever the file is called."""
        text = self.reason if self.source is None else f"{self.source}: {self.reason}"
        text = text if self.remedy is None else f"{text} ({self.remedy})"
        return text.replace("\r", "\\r").replace("\n", "\\n")


class UsageError(OmentumError):
    """The command or call itself makes no sense (unknown option value, nothing to do, output in the way)."""


class InputError(OmentumError):
    """A file given to us cannot be used."""


class GeometryError(InputError):
    """A grid is impossible, or two grids that must agree do not."""


class CheckpointError(InputError):
    """A weights file is damaged, unsafe, or not what its description says."""


class OutputError(OmentumError):
    """A result cannot be written."""


class TrainingError(OmentumError):
    """A training run cannot go on."""


class MissingDependencyError(OmentumError):
    """An optional package is needed; the remedy names the extra to install."""


class CaseWarning(UserWarning):
    """A case works, but its user should know something about it; repeated in the manifest."""
