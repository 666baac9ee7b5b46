"""Segmentations: queued, watched, cancelled, deleted."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from omentum.serve.documents import DeletedDocument, JobDocument, JobRequest
from omentum.serve.events import event_lines
from omentum.serve.faults import ServiceError
from omentum.serve.web.routes.common import JobId, ServiceHere, errors

router = APIRouter(prefix="/jobs", tags=["jobs"])
MOST_LISTED = 1000
_EVENT = {"type": "object", "properties": {"event": {"enum": ["state", "progress"]}, "data": {"type": "string"}}}
"""An event; its data is a job as JSON."""


@router.post("", summary="Queue a segmentation", status_code=202, responses=errors(404, 409, 422, 429, 503, 507))
def create(asked: JobRequest, service: ServiceHere) -> JobDocument:
    """Of an upload that is complete; from now on its files cannot be changed."""
    return service.submit(asked)


@router.get("", summary="Jobs, the newest first", responses=errors(422))
def list_jobs(
    service: ServiceHere,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED, description="how many at most")] = MOST_LISTED,
    before: Annotated[
        int | None, Query(ge=1, le=2**53, description="only jobs with a smaller number: that of the last one listed")
    ] = None,
) -> list[JobDocument]:
    """Those that are not deleted yet. Fewer than the limit are the last ones."""
    return [service.describe(job) for job in service.jobs.newest(limit, before)]


@router.get("/{job}", summary="A job", responses=errors(404, 422))
def get(job: JobId, service: ServiceHere) -> JobDocument:
    """State, place in the queue, progress, error, names of the results."""
    return service.describe(service.jobs.get(job))


@router.get("/{job}/events", summary="Follow a job", response_class=StreamingResponse, responses={
    **errors(404, 422, 503),
    200: {"content": {"text/event-stream": {"schema": _EVENT}}, "description": "server-sent events"},
})  # fmt: skip
async def events(job: JobId, service: ServiceHere) -> StreamingResponse:
    """Server-sent events `state` and `progress` with the job as data; they end with a final state."""
    await run_in_threadpool(service.jobs.get, job)  # waits for the database

    def now() -> JobDocument | None:
        try:
            return service.describe(service.jobs.get(job))
        except ServiceError:  # deleted
            return None

    lines = event_lines(service.board, job, partial(run_in_threadpool, now))
    return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@router.post("/{job}/cancel", summary="Cancel a job", responses=errors(404, 422))
def cancel(job: JobId, service: ServiceHere) -> JobDocument:
    """A waiting job at once, a running one within seconds; one that has ended stays as it is."""
    service.dispatcher.cancel(service.jobs.get(job))
    return service.describe(service.jobs.get(job))


@router.delete("/{job}", summary="Delete a job", responses=errors(404, 409, 422))
def delete(job: JobId, service: ServiceHere) -> DeletedDocument:
    """Its input (unless another job has the same), results and corrections; the answer names them."""
    return service.cleaner.delete_job(job)
