"""Inference of MONAI Label: one request that waits in the queue and answers with a label map and its names."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from omentum.anatomy.vocabulary import split_phrases
from omentum.pipeline.options import OutputFormat
from omentum.result_files import DICOM_SEG, MASKS
from omentum.serve.documents import JobRequest, JobState
from omentum.serve.faults import ServiceError, not_found
from omentum.serve.ids import ID_PATTERN
from omentum.serve.service import Service
from omentum.serve.state.jobs import StoredJob
from omentum.serve.web.monai_label.about import ALL
from omentum.serve.web.monai_label.forms import form_parts
from omentum.serve.web.monai_label.images import uploads_called
from omentum.serve.web.monai_label.kept_files import keep_part
from omentum.serve.web.monai_label.names import label_name, stored_name
from omentum.serve.web.monai_label.params import client_of, parsed_params
from omentum.serve.web.routes.common import STREAMED, ServiceHere

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

router = APIRouter(include_in_schema=False)
AS_DICOM = "dicom_seg"
OUTPUTS = ("", "image", "json", "all", AS_DICOM)
"""Values of `output`; "" means all."""
SEG_NRRD = ".seg.nrrd"
EXTENSIONS = (SEG_NRRD, ".nrrd", ".nii.gz")
LOOK_EVERY_S = 1.0
"""Longest time before a client that has gone is noticed."""
OVERLAPS = (
    "one value a voxel: lesions paint over vessels, vessels over organs; result_extension .seg.nrrd has all masks"
)


@dataclass(frozen=True)
class _Asked:
    """A request.

    Args:
        upload: The image.
        params: Options of the client.
    """

    upload: str
    params: Mapping[str, Any]

    @property
    def extension(self) -> str:
        """Format of the label map."""
        return str(self.params.get("result_extension") or ".nii.gz")


@router.post("/infer/{model}", response_model=None, dependencies=STREAMED)
async def infer(
    model: str,
    request: Request,
    service: ServiceHere,
    image: Annotated[str, Query()] = "",
    session_id: Annotated[str, Query()] = "",
    output: Annotated[str, Query()] = "",
) -> Response:
    """Segment the image of a session, or the one in the form; a client that leaves cancels it."""
    if output not in OUTPUTS:
        raise ServiceError(422, "unknown", f"no output {output!r} here", remedy=f"one of {', '.join(OUTPUTS[1:])}")
    async with _asked(request, service, session_id, image) as asked:
        if asked.extension not in EXTENSIONS:
            known = ", ".join(EXTENSIONS)
            raise ServiceError(422, "unknown", f"no result_extension {asked.extension!r} here", remedy=known)
        formats = [OutputFormat.DICOM_SEG] if output == AS_DICOM else []
        job = await run_in_threadpool(_submitted, service, model, asked, formats)
        done = await _ended(request, service, job)
        if output == AS_DICOM:
            return await run_in_threadpool(_dicom_answer, service, done)
        return await run_in_threadpool(_answer, service, done, asked, output)


@asynccontextmanager
async def _asked(request: Request, service: Service, session: str, image: str) -> AsyncIterator[_Asked]:
    """Read the form; an image in it is an upload until the end of the block.

    Without a session and a file, it is an image that was sent before, see `uploads_called`.
    """
    params: Mapping[str, Any] = {}
    own: str | None = None
    try:
        async for part in form_parts(request):
            if part.name == "params":
                params = parsed_params(await part.text())
            elif part.name == "label" and part.filename is not None:
                raise ServiceError(
                    422, "unknown", "labels are not used: the models segment without clicks or scribbles"
                )
            elif part.name == "file" and part.filename is not None and not session:
                if own is None:
                    own = await run_in_threadpool(service.uploads.create)
                await keep_part(service, own, part, stored_name(part.filename, 1), request)
        if session and not re.fullmatch(ID_PATTERN, session):
            raise not_found("session")
        upload = session or own
        if not upload:
            (upload, *_) = await run_in_threadpool(uploads_called, service, image, client_of(params))
        yield _Asked(upload, params)
    finally:
        if own is not None:
            with suppress(ServiceError):  # a job that is still ending is deleted when it expires
                await run_in_threadpool(service.cleaner.delete_image, own)


def _submitted(service: Service, model: str, asked: _Asked, formats: Sequence[OutputFormat]) -> str:
    """A job for the request; one that has done the same already is taken again."""
    words, profile = (asked.params.get(name) for name in ("classes", "profile"))
    words = words[0] if isinstance(words, list) and len(words) == 1 else words
    classes = None if words in (None, "", ALL) else list(split_phrases(words)) if isinstance(words, str) else words
    try:
        wanted = JobRequest(upload=asked.upload, weights=model, classes=classes, profile=profile, formats=list(formats))
    except ValidationError as fault:
        place = ".".join(map(str, fault.errors()[0]["loc"]))
        raise ServiceError(422, "invalid", f"{place}: {fault.errors()[0]['msg']}") from fault
    options = wanted.model_dump(exclude={"upload", "formats"})
    for job in service.jobs.of_upload(asked.upload):
        same = all(job.options[name] == value for name, value in options.items() if value is not None)
        same = same and set(formats) <= set(job.options["formats"] or ())
        if job.state is JobState.DONE and same and job.options["classes"] == classes:
            return job.id
    return service.submit(wanted).id


async def _ended(request: Request, service: Service, job: str) -> StoredJob:
    """Wait for a job.

    Raises:
        ServiceError: it failed or was cancelled.
        ClientDisconnect: the client has gone; the job is cancelled.
    """
    found = await run_in_threadpool(service.jobs.get, job)
    with service.board.listening(job) as news:
        try:
            while not (found := await run_in_threadpool(service.jobs.get, job)).state.is_final:
                if await request.is_disconnected():
                    raise ClientDisconnect
                if service.board.has_ended:
                    raise ServiceError(503, "stopping", "the service ends", remedy="the job is begun again with it")
                try:
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await news.wait()
                except TimeoutError:
                    continue
                news.clear()
        finally:
            if not found.state.is_final and not service.board.has_ended:
                service.dispatcher.cancel(found)
    if found.error is not None:
        raise ServiceError.of(500 if found.error.error == "internal" else 422, found.error)
    if found.state is not JobState.DONE:
        raise ServiceError(409, "cancelled", "the job was cancelled")
    return found


def _answer(service: Service, job: StoredJob, asked: _Asked, output: str) -> Response:
    results = service.folder.results(job.id, job.attempts)
    with TemporaryDirectory(prefix="labels-", dir=service.folder.job(job.id)) as place:
        file = Path(place, f"result{asked.extension}")
        suffix = ".nrrd" if asked.extension == SEG_NRRD else asked.extension
        labels = file.with_name(f"labels{suffix}")
        values = service.reader.run("write_dense_labels", results, None, labels)
        content = (results / MASKS if asked.extension == SEG_NRRD else labels).read_bytes()
    params = {
        "label_names": {label_name(key): value for key, value in values.items()},
        "overlaps": "all masks" if asked.extension == SEG_NRRD else OVERLAPS,
        "model": job.options["weights"],
        "job": job.id,
        "notice": "Not a medical device. Not for clinical use.",
    }
    if output == "json":
        return JSONResponse(params)
    if output == "image":
        return _file(content, file.name, "application/octet-stream")
    return _form(json.dumps(params).encode(), file.name, content)


def _dicom_answer(service: Service, job: StoredJob) -> Response:
    """The masks as a DICOM segmentation that refers to the images of the series."""
    file = service.folder.results(job.id, job.attempts) / DICOM_SEG
    if not file.is_file():
        raise ServiceError(422, "nothing_found", "no structure was found, so there is no DICOM segmentation")
    return _file(file.read_bytes(), file.name, "application/dicom")


def _file(content: bytes, name: str, kind: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _form(params: bytes, name: str, content: bytes) -> Response:
    """Parameters and label map as multipart/form-data."""
    boundary = secrets.token_hex(16)
    head = 'Content-Disposition: form-data; name="{}"'
    parts = [
        (head.format("params"), "application/json", params),
        (f'{head.format("image")}; filename="{name}"', "application/octet-stream", content),
    ]
    body = b"".join(
        f"--{boundary}\r\n{disposition}\r\nContent-Type: {kind}\r\n\r\n".encode() + value + b"\r\n"
        for disposition, kind, value in parts
    )
    return Response(body + f"--{boundary}--\r\n".encode(), media_type=f"multipart/form-data; boundary={boundary}")
