"""What a MONAI Label client asks first: whether it has to log in, and which models there are."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request

from omentum.pipeline.options import PROFILES, SegmentOptions
from omentum.serve.faults import ServiceError
from omentum.serve.web.monai_label.images import datastore_status
from omentum.serve.web.monai_label.names import label_name
from omentum.serve.web.routes.common import ServiceHere

router = APIRouter(include_in_schema=False)
PUBLIC = ("/auth/", "/auth/token")
"""Need no token: a client asks whether it needs one, and for it."""
ALL = "all"
"""Option `classes` of a model that leaves nothing out."""
USUAL = SegmentOptions().profile
"""First in the list of profiles, and therefore what clients choose."""


@router.get("/auth/")
async def is_enabled(service: ServiceHere) -> dict[str, bool]:
    """Whether a token is needed."""
    return {"enabled": service.options.token is not None}


@router.post("/auth/token")
async def log_in(request: Request, service: ServiceHere) -> dict[str, str]:
    """The token for the password, which is the token itself; the user's name does not matter."""
    given = parse_qs((await request.body()).decode("utf-8", "replace")).get("password", [""])[0]
    if service.options.token is None or not request.app.state.rules.is_token(given):
        raise ServiceError(401, "no_token", "the password is wrong", remedy="it is the token of the service")
    return {"access_token": given, "token_type": "bearer"}


@router.get("/auth/token/valid")
async def is_valid() -> dict[str, str]:
    """Reached with the right token alone."""
    return {}


@router.get("/info/")
def info(service: ServiceHere) -> dict[str, Any]:
    """Each of the weights is a model for segmentation; `config` at the top stays empty, or clients refuse it."""
    models = {one.name: _model([s.key for s in one.structures]) for one in service.offered}
    labels = [list(model["labels"]) for model in models.values()]
    return {
        "name": "Omentum",
        "description": "Organs and tumours in CT. Not a medical device. Not for clinical use.",
        "version": version("omentum"),
        "labels": labels[0] if labels else [],
        "models": models,
        **{name: {} for name in ("trainers", "strategies", "scoring", "train_stats", "config")},
        "datastore": datastore_status(service),
    }


def _model(keys: list[str]) -> dict[str, Any]:
    return {
        "type": "segmentation",
        "labels": {label_name(key): number for number, key in enumerate(keys, 1)},
        "dimension": 3,
        "description": "classes: all, or words such as: liver, both kidneys",
        "version": version("omentum"),
        "config": {"classes": ALL, "profile": [USUAL, *(name for name in PROFILES if name != USUAL)]},
    }
