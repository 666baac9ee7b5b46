"""Answers that are not made by a route: errors, and files under a name."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse

from omentum.serve.faults import ServiceError

_CODES = {404: "not_found", 405: "method_not_allowed", 400: "bad_request", 413: "too_large"}
_TYPES = {
    ".dcm": "application/dicom",
    ".gz": "application/gzip",
    ".nrrd": "application/octet-stream",
    ".stl": "model/stl",
    ".ctbl": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".js": "text/javascript; charset=utf-8",
}
VIEWABLE = (".html", ".png", ".json", ".csv", ".txt")
SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)
"""A report is one file with its scripts in it: shown, it runs without an origin and can reach nothing."""


def refusal(fault: ServiceError) -> JSONResponse:
    """An error as JSON."""
    return JSONResponse(fault.document.model_dump(), fault.status, headers=fault.headers)


def refusal_of_router(fault: HTTPException) -> JSONResponse:
    """What the router refuses: unknown addresses and methods."""
    reason = {404: "no such address", 405: "this address does not take that method"}.get(fault.status_code)
    headers = dict(fault.headers or {})
    code = _CODES.get(fault.status_code, "refused")
    return refusal(ServiceError(fault.status_code, code, reason or str(fault.detail), headers=headers))


def media_type(name: str) -> str:
    """Media type of a file by its name."""
    found = _TYPES.get(Path(name).suffix.lower()) or mimetypes.guess_type(name)[0]
    return found or "application/octet-stream"


def file_answer(path: Path, name: str, *, is_shown: bool = False) -> FileResponse:
    """A file to be saved, or shown.

    Args:
        path: The file.
        name: Its name; slashes become underscores.
        is_shown: Show it in the browser, if it is of a kind that can be.
    """
    flat = name.replace("/", "_")
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in flat)
    shown = is_shown and flat.lower().endswith(VIEWABLE)
    how = "inline" if shown else "attachment"
    headers = {"Content-Disposition": f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(flat, safe='')}"}
    if shown:
        headers["Content-Security-Policy"] = SANDBOX
    return FileResponse(path, media_type=media_type(name), headers=headers)
