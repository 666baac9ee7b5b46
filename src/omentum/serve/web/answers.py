"""Answers that are not made by a route: errors, and files under a name."""

from __future__ import annotations

import mimetypes
import os
import re
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse
from starlette.types import Receive, Scope, Send

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
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))", re.ASCII | re.IGNORECASE)


class ServedFile(FileResponse):
    """A file, or the range of its bytes that is asked for.

    A malformed range is ignored, as RFC 9110 (14.2) allows; so are several, which may be many parts of a large file.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it.

        Raises:
            ServiceError: the range begins behind its end.
        """
        headers = MutableHeaders(scope=scope)
        if ranges := headers.getlist("range"):
            size = (await run_in_threadpool(os.stat, self.path)).st_size
            first = _first_byte(ranges[0], size) if len(ranges) == 1 else None
            if first is None or (first >= size and "if-range" in headers):
                del headers["range"]
            elif first >= size:
                reason = f"the range begins behind the end of the file, which has {size} bytes"
                raise ServiceError(416, "range", reason, headers={"Content-Range": f"bytes */{size}"})
        await super().__call__(scope, receive, send)


def _first_byte(asked: str, size: int) -> int | None:
    """Where a range begins in a file of some bytes; None if it is malformed."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None:
        return None
    first, last, suffix = (None if number is None else int(number) for number in found.groups())
    if first is None:
        return max(0, size - (suffix or 0))
    return None if last is not None and last < first else first


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


def file_answer(path: Path, name: str, *, is_shown: bool = False) -> ServedFile:
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
    return ServedFile(path, media_type=media_type(name), headers=headers)
