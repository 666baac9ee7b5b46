"""The store of images of MONAI Label: an upload under the name that the client gave it, and what the store holds."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from omentum.serve.documents import JobState
from omentum.serve.faults import ServiceError, not_found
from omentum.serve.ids import ID_PATTERN
from omentum.serve.service import Service
from omentum.serve.state.jobs import StoredJob
from omentum.serve.state.uploads import StoredUpload
from omentum.serve.web.monai_label.forms import form_parts
from omentum.serve.web.monai_label.kept_files import keep_part, new_upload, sole_file
from omentum.serve.web.monai_label.names import stored_name
from omentum.serve.web.monai_label.params import client_of, parsed_params
from omentum.serve.web.routes.common import STREAMED, ServiceHere

router = APIRouter(prefix="/datastore", include_in_schema=False)
ImageName = Annotated[str, Query(max_length=1000)]
ORIGINAL, FINAL = "original", "final"
"""Tags of labels: as predicted, and as corrected."""
HASH = "SHA256:"


@router.get("/")
def show(service: ServiceHere, output: str = "") -> dict[str, Any]:
    """How many images and labels there are, or which (`output=all`); images are called by their identifiers."""
    if output in ("", "stats"):
        return datastore_status(service)
    if output != "all":
        raise ServiceError(422, "unknown", f"no output {output!r} here", remedy="one of stats, all")
    objects = {
        upload: {
            "image": {"ext": "", "info": about_image(service, upload)},
            "labels": {tag: {"ext": ".nii.gz", "info": service.image_info.get(upload, tag)} for tag in tags},
        }
        for upload, tags in _stored(service).items()
    }
    return {"name": "Omentum", "description": "images are deleted after their time", "objects": objects}


@router.put("/", dependencies=STREAMED)
@router.put("/image", dependencies=STREAMED)
async def create(request: Request, service: ServiceHere, image: ImageName = "") -> dict[str, str]:
    """Keep an image; requests of the same client may call it by this name or by the identifier in the answer."""
    client, number = "", 0
    async with new_upload(service) as upload:
        async for part in form_parts(request):
            if part.name == "params":
                client = client_of(parsed_params(await part.text()))
            elif part.name == "file" and part.filename is not None:
                number += 1
                await keep_part(service, upload, part, stored_name(part.filename, number), request)
        if number != 1:
            raise ServiceError(422, "no_file", f"the form has {number} fields `file` with a file, expected one")
        await run_in_threadpool(service.image_names.add, upload, client, image or upload)
    return {"image": upload}


@router.head("/image", response_model=None)
def check(service: ServiceHere, image: ImageName, check_sum: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Whether an image is there, and has a file of some hash (`SHA256:...`)."""
    if check_sum and check_sum.removeprefix(HASH).lower() != about_image(service, image)["checksum"].removeprefix(HASH):
        raise not_found("image of this hash")
    return get(service, image)


@router.get("/image", response_model=None)
def get(service: ServiceHere, image: ImageName) -> Response:
    """The file of an image, by its identifier."""
    return sole_file(service, _by_identifier(service, image).id)


def about_image(service: Service, image: str) -> dict[str, Any]:
    """When an image came, the hash of its file, and what clients noted of it.

    Raises:
        ServiceError: there is no such image.
    """
    found = _by_identifier(service, image)
    (file, *_) = found.files
    own = {"ts": int(found.created), "name": file.name, "checksum": f"{HASH}{file.sha256}"}
    return {**service.image_info.get(image), **own}


def named_image(service: Service, image: str) -> str:
    """The identifier of an image of this store, which may be changed; other uploads are not its clients'.

    Raises:
        ServiceError: there is no such image.
    """
    if image not in service.image_names.uploads():
        raise not_found("image")
    return image


def uploads_called(service: Service, image: str, client: str) -> list[str]:
    """Uploads that an image may be, the newest first: those that the client named so, or that with this identifier.

    Raises:
        ServiceError: there is none. Whether there is one with this identifier is not asked.
    """
    found = service.image_names.find(client, image)
    if not found and re.fullmatch(ID_PATTERN, image):
        return [image]
    if not found:
        remedy = "send it with PUT /session/ or PUT /datastore/"
        raise ServiceError(404, "not_found", "no such session or image", remedy=remedy)
    return found


def done_job(service: Service, upload: str, weights: str = "") -> StoredJob | None:
    """The newest job of an upload that is done, those of some weights before others; None without one."""
    done = [job for job in service.jobs.of_upload(upload) if job.state is JobState.DONE]
    return max(done, key=lambda job: (job.options["weights"] == weights, job.number), default=None)


def datastore_status(service: Service) -> dict[str, Any]:
    """Numbers of images, and of those with labels."""
    tags = [tag for found in _stored(service).values() for tag in found]
    counts = {tag: tags.count(tag) for tag in (ORIGINAL, FINAL) if tag in tags}
    return {"total": len(service.image_names.uploads()), "completed": counts.get(FINAL, 0), "label_tags": counts}


def _stored(service: Service) -> dict[str, list[str]]:
    """Image -> tags of its labels."""
    found = {}
    for upload in service.image_names.uploads():
        job = done_job(service, upload)
        tags = [] if job is None else [ORIGINAL]
        found[upload] = [*tags, FINAL] if job is not None and service.folder.is_corrected(job.id) else tags
    return found


def _by_identifier(service: Service, image: str) -> StoredUpload:
    if not re.fullmatch(ID_PATTERN, image):
        raise not_found("image")
    return service.uploads.get(image)
