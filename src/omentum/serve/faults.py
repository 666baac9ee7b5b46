"""Errors of the service as JSON: a code, the file, the reason and the remedy; never a path or a traceback."""

from __future__ import annotations

from pathlib import Path

from omentum.errors import OmentumError, printable
from omentum.serve.documents import ErrorDocument


class ServiceError(Exception):
    """A request that is refused.

    Args:
        status: HTTP status.
        error: Code for programs.
        reason: One line.
        remedy: What to do about it.
        file: Uploaded file at fault.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        error: str,
        reason: str,
        *,
        remedy: str | None = None,
        file: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.status, self.headers = status, headers or {}
        self.document = ErrorDocument(error=error, file=file, reason=reason, remedy=remedy)

    @classmethod
    def of(cls, status: int, document: ErrorDocument) -> ServiceError:
        """A request that is refused for a reason that is described already."""
        about = document.model_dump()
        return cls(status, about.pop("error"), about.pop("reason"), **about)


def not_found(what: str) -> ServiceError:
    """The answer for an unknown identifier."""
    return ServiceError(404, "not_found", f"no such {what}", remedy="it may have expired")


def fault_document(fault: Exception, hidden: Path) -> ErrorDocument:
    """Describe an error of an image, its segmentation or our own fault.

    Args:
        fault: What was raised.
        hidden: Folder whose path is left out wherever it occurs.
    """
    if not isinstance(fault, OmentumError):
        reason = f"internal fault: {type(fault).__name__}"
        return ErrorDocument(error="internal", file=None, reason=reason, remedy="report it; the log has the place")
    source = None if fault.source is None else without_folder(str(fault.source), hidden)
    return ErrorDocument(
        error=_code(fault),
        file=source if source not in ("", ".") else None,
        reason=without_folder(fault.reason, hidden),
        remedy=None if fault.remedy is None else without_folder(fault.remedy, hidden),
    )


def without_folder(text: str, folder: Path) -> str:
    """A text without the path of a folder, on one line."""
    return " ".join(printable(text).replace(f"{folder}/", "").replace(str(folder), "the upload").split())


def _code(fault: OmentumError) -> str:
    """`InputError` -> `input`."""
    name = type(fault).__name__.removesuffix("Error")
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
