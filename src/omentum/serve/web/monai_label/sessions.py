"""Sessions of MONAI Label: an image that several requests use; here an upload."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from omentum.serve.faults import ServiceError, not_found
from omentum.serve.service import Service
from omentum.serve.web.monai_label.forms import FormPart, form_parts
from omentum.serve.web.monai_label.kept_files import keep_part, new_upload, sole_file
from omentum.serve.web.monai_label.names import stored_name
from omentum.serve.web.routes.common import STREAMED, ServiceHere

router = APIRouter(prefix="/session", include_in_schema=False)


@router.put("/", dependencies=STREAMED)
async def create(request: Request, service: ServiceHere) -> dict[str, Any]:
    """Keep an image: one file, or the files of a DICOM series.

    `uncompress` is not needed, because zip files are read as they are; `expiry` is that of the service.
    """
    async with new_upload(service) as upload:
        await _keep_files(request, service, upload)
    return {"session_id": upload, "session_info": _described(service, upload)}


@router.get("/{session}", response_model=None)
def get(session: str, service: ServiceHere, image: Annotated[bool, Query()] = False) -> dict[str, Any] | Response:
    """Description of a session, or its image."""
    described = _described(service, session)
    if not image:
        return described
    return sole_file(service, session)


@router.delete("/{session}")
def delete(session: str, service: ServiceHere) -> dict[str, Any]:
    """Delete the image; results are deleted when they expire."""
    described = _described(service, session)
    service.cleaner.delete_upload(session)
    return described


async def _keep_files(request: Request, service: Service, upload: str) -> None:
    number = 0
    async for part in _files(request):
        number += 1
        await keep_part(service, upload, part, stored_name(part.filename or "", number), request)
    if not number:
        raise ServiceError(422, "no_file", "the form has no field `files` with a file")


async def _files(request: Request) -> AsyncIterator[FormPart]:
    async for part in form_parts(request):
        if part.name == "files" and part.filename is not None:
            yield part


def _described(service: Service, session: str) -> dict[str, Any]:
    try:
        found = service.uploads.get(session)
    except ServiceError as fault:
        raise not_found("session") from fault
    return {
        "name": session,
        "image": found.files[0].name if len(found.files) == 1 else "",
        "create_ts": int(found.created),
        "expiry": int(service.options.keep_s),
        "meta": {},
    }
