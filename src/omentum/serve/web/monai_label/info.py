"""What the store knows of images and labels, and what clients note of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form

from omentum.serve.web.monai_label.images import ImageName, about_image, named_image
from omentum.serve.web.monai_label.labels import Tag, labelled, written_labels
from omentum.serve.web.monai_label.names import label_name
from omentum.serve.web.monai_label.params import parsed_info
from omentum.serve.web.routes.common import ServiceHere

router = APIRouter(prefix="/datastore", include_in_schema=False)
Info = Annotated[str, Form()]


@router.get("/image/info")
def image_info(service: ServiceHere, image: ImageName) -> dict[str, Any]:
    """When an image came, the hash of its file, and what clients noted."""
    return about_image(service, image)


@router.put("/image/info")
def note_image(service: ServiceHere, image: ImageName, info: Info = "{}") -> None:
    """Add notes on an image; what the service says of it stays."""
    service.image_info.update(named_image(service, image), "", parsed_info(info))


@router.get("/label/info")
def label_info(service: ServiceHere, label: ImageName, tag: Tag) -> dict[str, Any]:
    """Names and values of a label map, and what clients noted."""
    _, values = written_labels(service, label, tag)
    names = {label_name(key): value for key, value in values.items()}
    return {**service.image_info.get(label, tag), "params": {"label_names": names}}


@router.put("/label/info")
def note_label(service: ServiceHere, label: ImageName, tag: Tag, info: Info = "{}") -> None:
    """Add notes on labels, such as what a reviewer thinks of them."""
    labelled(service, label, tag)
    service.image_info.update(named_image(service, label), tag, parsed_info(info))


@router.put("/updatelabelinfo")
def note_label_as_before(service: ServiceHere, label: ImageName, tag: Tag, params: Info = "{}") -> None:
    """The older address of the same, which MONAI Label's reviewer for 3D Slicer uses."""
    note_label(service, label, tag, params)
