"""Inputs: made empty, filled by streaming PUTs, examined, deleted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from omentum.serve.documents import DeletedDocument, FileDocument, UploadCreated, UploadDocument
from omentum.serve.state.jobs import iso
from omentum.serve.web.receiving import announced_bytes, receive_file
from omentum.serve.web.routes.common import BINARY, STREAMED, ServiceHere, UploadId, errors

router = APIRouter(prefix="/uploads", tags=["uploads"])
FileName = Annotated[str, Path(max_length=255, description="a name without slashes; DICOM files may be numbered")]


@router.post("", summary="Make an empty upload", status_code=201, responses=errors(429, 503))
def create(service: ServiceHere) -> UploadCreated:
    """Its identifier is needed for everything else."""
    return UploadCreated(id=service.uploads.create())


@router.put(
    "/{upload}/files/{name}",
    summary="Send a file",
    openapi_extra={"requestBody": {**BINARY, "required": True}},
    dependencies=STREAMED,
    responses=errors(404, 409, 415, 422, 503, 507),
)
async def put_file(upload: UploadId, name: FileName, request: Request, service: ServiceHere) -> FileDocument:
    """The body is the file as it is: a NIfTI, NRRD or MetaImage file, a zip file, or one of many DICOM files.

    It is counted while it comes; the same name again replaces the file.
    """
    expected = announced_bytes(request.headers)
    return await receive_file(service.uploads, upload, name, request.stream(), request.app.state.pace, expected)


@router.get("/{upload}", summary="Files of an upload", responses=errors(404, 422))
def get(upload: UploadId, service: ServiceHere) -> UploadDocument:
    """All files that have come completely."""
    found = service.uploads.get(upload)
    created = iso(found.created) or ""
    return UploadDocument(id=found.id, created=created, files=list(found.files), bytes=found.bytes)


@router.delete("/{upload}", summary="Delete an upload", responses=errors(404, 409, 422))
def delete(upload: UploadId, service: ServiceHere) -> DeletedDocument:
    """Refused while a job waits for it or reads it."""
    return service.cleaner.delete_upload(upload)


@router.get("/{upload}/doctor", summary="What an upload is", responses=errors(404, 409, 422, 503))
def doctor(
    upload: UploadId,
    service: ServiceHere,
    series: Annotated[str | None, Query(max_length=200, description="of several DICOM series, the one meant")] = None,
) -> dict[str, Any]:
    """The document of `omentum doctor --json`: kind, series to choose from, doubts, estimated time and memory."""
    service.uploads.get(upload)
    weights = next(iter(service.weights.values()))
    device = service.options.device.split(",")[0]
    found: dict[str, Any] = service.reader.run("examine_upload", service.folder.upload(upload), weights, device, series)
    return found
