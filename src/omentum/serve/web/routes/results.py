"""What a job wrote, the CT for viewing, and corrections of its masks."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse

from omentum.serve.documents import (
    ComparisonRequest,
    CorrectionDocument,
    CorrectionsDocument,
    JobState,
    ResultDocument,
)
from omentum.serve.faults import ServiceError, not_found
from omentum.serve.service import Service
from omentum.serve.state.folders import CT
from omentum.serve.state.jobs import StoredJob
from omentum.serve.web.answers import file_answer, media_type
from omentum.serve.web.corrections import stored_corrections
from omentum.serve.web.receiving import announced_bytes, receive
from omentum.serve.web.routes.common import BINARY, STREAMED, JobId, ServiceHere, errors
from omentum.temporary_names import remove, unfinished

router = APIRouter(tags=["results"])
_FILE: dict[int | str, dict[str, Any]] = {200: {**BINARY, "description": "the file"}}
MOST_MASK_BYTES = 500_000_000
"""Of a corrected mask, compressed."""


@router.get("/jobs/{job}/results", summary="Result files", responses=errors(404, 422))
def list_results(job: JobId, service: ServiceHere) -> list[ResultDocument]:
    """Everything that `omentum segment` writes; empty before the job is done."""
    found = service.results(service.jobs.get(job))
    return [
        ResultDocument(name=name, media_type=media_type(name), bytes=path.stat().st_size)
        for name, path in found.items()
    ]


@router.get(
    "/jobs/{job}/results/{name:path}",
    summary="A result file",
    response_class=FileResponse,
    responses={**errors(404, 416, 422), **_FILE},
)
def get_result(
    job: JobId,
    name: Annotated[str, Path(max_length=300, description="as listed")],
    service: ServiceHere,
    view: Annotated[bool, Query(description="show a report or picture instead of saving it")] = False,
) -> FileResponse:
    """Only names that are listed exist."""
    path = service.results(service.jobs.get(job)).get(name)
    if path is None:
        raise not_found("result")
    return file_answer(path, name, is_shown=view)


@router.get(
    "/jobs/{job}/ct.nii.gz",
    summary="The CT for viewing",
    response_class=FileResponse,
    responses={**errors(404, 416, 422), **_FILE},
)
def get_ct(job: JobId, service: ServiceHere) -> FileResponse:
    """In HU on its own grid, as it was read; there as soon as the job has read it."""
    path = service.folder.ct(service.jobs.get(job).id)
    if not path.is_file():
        raise not_found("CT yet")
    return file_answer(path, CT)


@router.put(
    "/jobs/{job}/corrections/{structure}",
    summary="Send a corrected mask",
    status_code=201,
    openapi_extra={"requestBody": {**BINARY, "required": True}},
    dependencies=STREAMED,
    responses=errors(404, 409, 415, 422, 503, 507),
)
async def put_correction(
    job: JobId,
    structure: Annotated[str, Path(pattern="^[a-z0-9_]{1,100}$", description="key of the structure")],
    request: Request,
    service: ServiceHere,
    by: Annotated[str, Query(min_length=1, max_length=100, description="who corrected")] = "unnamed",
) -> CorrectionDocument:
    """A `.nii.gz` mask on the grid of the CT, kept as a new version beside the prediction.

    Refused if it lies on another grid, is mirrored, or belongs to the other side, as `omentum annotate accept` does.
    """
    found = await run_in_threadpool(_done, service, job)
    announced_bytes(request.headers)
    slot = service.uploads.slot()
    folder = service.folder.corrections(job)
    try:
        await run_in_threadpool(folder.mkdir, mode=0o700, exist_ok=True)
    except FileNotFoundError as fault:
        raise not_found("job any more") from fault
    received = unfinished(folder / f"{structure}.nii.gz")
    received = received.with_name(f"{received.name}.nii.gz")
    with slot as counted:
        try:
            await receive(request.stream(), received, counted.counting(MOST_MASK_BYTES), request.app.state.pace)
            row = await run_in_threadpool(
                stored_corrections, service, found, "store_correction", received, folder, structure, by
            )
            return CorrectionDocument(**row)
        finally:
            remove(received)


@router.get("/jobs/{job}/corrections", summary="Corrections of a job", responses=errors(404, 422, 503))
def list_corrections(job: JobId, service: ServiceHere) -> CorrectionsDocument:
    """Who corrected what, when, and how much; oldest first."""
    service.jobs.get(job)
    rows = service.reader.run("list_corrections", service.folder.corrections(job))
    return CorrectionsDocument(corrections=[CorrectionDocument(**row) for row in rows])


@router.get(
    "/jobs/{job}/corrections/{version}.nii.gz",
    summary="A corrected mask",
    response_class=FileResponse,
    responses={**errors(404, 416, 422), **_FILE},
)
def get_correction(
    job: JobId, version: Annotated[int, Path(ge=1, le=9999, description="its version")], service: ServiceHere
) -> FileResponse:
    """The mask of a version, on the grid of the CT."""
    service.jobs.get(job)
    found = service.folder.correction(job, version)
    if found is None:
        raise not_found("correction")
    return file_answer(found, found.name)


@router.post("/comparisons", summary="Compare the lesions of two jobs", responses=errors(404, 409, 422, 503))
def compare(asked: ComparisonRequest, service: ServiceHere) -> dict[str, object]:
    """The document of `omentum lesions compare --json`: growth, new and gone lesions, RECIST."""
    before, after = (_done(service, job) for job in (asked.before, asked.after))
    places = [service.folder.results(job.id, job.attempts) for job in (before, after)]
    found: dict[str, object] = service.reader.run("compare_results", *places, asked.force)
    return found


def _done(service: Service, job: str) -> StoredJob:
    found = service.jobs.get(job)
    if found.state is not JobState.DONE:
        raise ServiceError(409, "not_done", f"the job is {found.state}", remedy="wait until it is done")
    return found
