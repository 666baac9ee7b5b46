"""Images and corrected labels of MONAI Label's store, deleted by their clients."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from omentum.serve.documents import DeletedDocument
from omentum.serve.faults import ServiceError
from omentum.serve.web.monai_label.images import ORIGINAL, ImageName, named_image
from omentum.serve.web.monai_label.labels import Tag, labelled
from omentum.serve.web.routes.common import ServiceHere

router = APIRouter(prefix="/datastore", include_in_schema=False)


@router.delete("/")
@router.delete("/image")
def delete_image(service: ServiceHere, id: ImageName) -> DeletedDocument:  # noqa: A002  # the name of the interface
    """Delete an image with all that was computed from it and corrected."""
    return service.cleaner.delete_image(named_image(service, id))


@router.delete("/label")
def delete_label(service: ServiceHere, id: ImageName, tag: Tag) -> dict[str, Any]:  # noqa: A002
    """Delete the corrections of an image; it is as predicted again."""
    image = named_image(service, id)
    job = labelled(service, image, tag)
    if tag == ORIGINAL:
        reason, remedy = "labels as predicted go with their image", "DELETE /datastore/image?id=ID deletes both"
        raise ServiceError(422, "invalid", reason, remedy=remedy)
    deleted = service.reader.run("delete_corrections", service.folder.corrections(job.id))
    service.image_info.remove(image, tag)
    service.measure(job.id)
    return {"deleted": [f"corrections/{name}" for name in deleted]}
