"""Labels of MONAI Label's store: those of a finished job as predicted, and as corrected by its clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from omentum.serve.faults import ServiceError, not_found
from omentum.serve.ids import ID_PATTERN
from omentum.serve.service import Service
from omentum.serve.state.jobs import StoredJob
from omentum.serve.web.corrections import stored_corrections
from omentum.serve.web.monai_label.forms import form_parts
from omentum.serve.web.monai_label.images import FINAL, ORIGINAL, ImageName, done_job, uploads_called
from omentum.serve.web.monai_label.kept_files import keep_part, passing_upload
from omentum.serve.web.monai_label.names import stored_name
from omentum.serve.web.monai_label.params import client_of, label_info_of, parsed_params
from omentum.serve.web.routes.common import STREAMED, ServiceHere

router = APIRouter(prefix="/datastore/label", include_in_schema=False)
Tag = Annotated[str, Query(max_length=100)]
LONGEST_BY = 100


@router.put("", dependencies=STREAMED)
async def save(request: Request, service: ServiceHere, image: ImageName, tag: Tag = FINAL) -> dict[str, Any]:
    """Keep corrected labels: each structure that differs from its current version becomes a new version of the job."""
    if tag not in ("", FINAL):
        raise ServiceError(422, "unknown", f"no tag {tag!r} here", remedy=f"corrected labels are {FINAL}")
    params: Mapping[str, Any] = {}
    name = ""
    async with passing_upload(service) as received:
        async for part in form_parts(request):
            if part.name == "params":
                params = parsed_params(await part.text())
            elif part.name == "label" and part.filename is not None:
                if name:
                    raise ServiceError(422, "invalid", "the form has several fields `label`", remedy="send one file")
                name = stored_name(part.filename, 1)
                await keep_part(service, received, part, name, request)
        if not name:
            raise ServiceError(422, "no_file", "the form has no field `label` with a file")
        file = service.folder.upload(received) / name
        return await run_in_threadpool(_store, service, image, params, file)


@router.head("")
def check(service: ServiceHere, image: ImageName, tag: Tag) -> None:
    """Whether there are such labels of an image."""
    labelled(service, image, tag)


@router.get("", response_model=None)
def get(service: ServiceHere, label: ImageName, tag: Tag) -> Response:
    """A label map of an image by its identifier; `/datastore/label/info` says what its values are."""
    content, _ = written_labels(service, label, tag)
    disposition = {"Content-Disposition": 'attachment; filename="label.nii.gz"'}
    return Response(content, media_type="application/gzip", headers=disposition)


def _store(service: Service, image: str, params: Mapping[str, Any], file: Path) -> dict[str, Any]:
    client, said = client_of(params), params.get("model")
    upload, *older = uploads_called(service, image, client)
    weights = said if isinstance(said, str) else ""
    job = _segmented(service, upload, weights)
    others = [one for name in older if (one := done_job(service, name, weights)) is not None]
    places = [service.folder.results(one.id, one.attempts) for one in others]
    names, by = label_info_of(params), client[:LONGEST_BY] or "unnamed"
    folder = service.folder.corrections(job.id)
    rows = stored_corrections(service, job, "store_labels", file, names, folder, by, places)
    return {"image": upload, "label": upload, "job": job.id, "corrections": rows}


def _segmented(service: Service, upload: str, weights: str = "") -> StoredJob:
    job = done_job(service, upload, weights)
    if job is None:
        if not service.jobs.of_upload(upload):
            service.uploads.get(upload)
        raise ServiceError(409, "not_done", "the image has no segmentation yet", remedy="segment it first")
    return job


def labelled(service: Service, label: str, tag: str) -> StoredJob:
    """The job whose labels an image has.

    Raises:
        ServiceError: there are no such labels.
    """
    if not re.fullmatch(ID_PATTERN, label) or tag not in (ORIGINAL, FINAL):
        raise not_found("label")
    job = _segmented(service, label)
    if tag == FINAL and not service.folder.is_corrected(job.id):
        raise not_found("label")
    return job


def written_labels(service: Service, label: str, tag: str) -> tuple[bytes, dict[str, int]]:
    """A label map as the bytes of a `.nii.gz` file, and the value of each structure.

    Raises:
        ServiceError: there are no such labels, or they cannot be read.
    """
    job = labelled(service, label, tag)
    results = service.folder.results(job.id, job.attempts)
    corrections = service.folder.corrections(job.id) if tag == FINAL else None
    with TemporaryDirectory(prefix="labels-", dir=service.folder.job(job.id)) as place:
        file = Path(place, "label.nii.gz")
        values = service.reader.run("write_dense_labels", results, corrections, file)
        return file.read_bytes(), values
