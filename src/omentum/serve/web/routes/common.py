"""What all routes share: the service behind them, and how errors are documented."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request

from omentum.serve.documents import ErrorDocument
from omentum.serve.ids import ID_PATTERN
from omentum.serve.service import Service


def service_of(request: Request) -> Service:
    """The service behind the routes."""
    service: Service = request.app.state.service
    return service


BINARY = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
"""A body that is a file, for the schema."""
ServiceHere = Annotated[Service, Depends(service_of)]


async def _reads_body() -> None:
    """Do nothing: it marks a route."""


STREAMED = [Depends(_reads_body)]
"""`dependencies` of routes that read their bodies part by part, and limit them: the guard leaves these bodies alone."""
JobId = Annotated[str, Path(pattern=ID_PATTERN, description="identifier of a job")]
UploadId = Annotated[str, Path(pattern=ID_PATTERN, description="identifier of an upload")]


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented errors of a route; those that the guard may answer are among all of them."""
    texts = {
        400: "the request cannot be read, or a name is impossible",
        401: "the token is missing or wrong",
        403: "asked by a page of another site",
        404: "no such upload, job or file",
        405: "another method is needed",
        408: "the body came too slowly",
        409: "not possible in this state",
        413: "too large",
        415: "the body is encoded",
        416: "the range begins behind the end of the file",
        421: "the service is not known under this host name",
        422: "a value cannot be used",
        429: "the queue is full",
        500: "internal fault",
        503: "busy, or ending",
        507: "no room on the disk",
    }
    wanted = {400, 401, 403, 405, 408, 413, 421, 500, *statuses}
    return {status: {"model": ErrorDocument, "description": texts[status]} for status in sorted(wanted)}
