"""Errors of a service, as errors with one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omentum.errors import OmentumError

UNREACHABLE = "unreachable"
NOT_OMENTUM = "no_service"
_PASSING = frozenset({429, 502, 503, 504})
"""HTTP status codes after which another attempt may succeed."""


class RemoteError(OmentumError):
    """The service refuses, a job failed there, or no service answers.

    Args:
        reason: One line.
        source: The address, or the file at fault.
        remedy: What to do about it.
        code: For programs: that of the service (`queue_full`), or `unreachable` or `no_service`.
        status: HTTP status; None if there was no answer.
    """

    def __init__(
        self,
        reason: str,
        *,
        source: str | Path | None = None,
        remedy: str | None = None,
        code: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(reason, source=source, remedy=remedy)
        self.code, self.status = code, status

    @property
    def is_passing(self) -> bool:
        """Whether another attempt may succeed."""
        return self.code == UNREACHABLE or self.status in _PASSING

    @classmethod
    def of(cls, document: Mapping[str, Any], address: str, status: int | None = None) -> RemoteError:
        """From the JSON of the service.

        Args:
            document: `{"error", "file", "reason", "remedy"}`.
            address: Named where the service names no file.
            status: HTTP status.
        """
        reason, remedy = document["reason"], document.get("remedy")
        if not isinstance(reason, str) or not isinstance(remedy, str | None):
            raise TypeError("an error has a reason and a remedy in words")
        source = document.get("file") or address
        return cls(reason, source=str(source), remedy=remedy, code=str(document["error"]), status=status)
