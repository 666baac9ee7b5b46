"""What a MONAI Label server does and this service does not: answered with the command that does it."""

from __future__ import annotations

from typing import Any, NoReturn

from fastapi import APIRouter, Request

from omentum.serve.faults import ServiceError

router = APIRouter(include_in_schema=False)
_INSTEAD = {
    "/train": ("models are not trained here", "omentum train, or omentum extend for further structures; then serve -w"),
    "/activelearning": (
        "no sample is chosen here",
        "omentum annotate propose lists cases by what to correct first",
    ),
    "/batch": ("no batches are run here", "omentum segment FOLDER --server URL"),
    "/scoring": ("labels are not scored here", "omentum evaluate scores segmentations against a reference"),
    "/model": ("weights are not handed out or replaced here", "start the service with other weights: omentum serve -w"),
    "/logs": ("the log is not served", "it is on the standard error of omentum serve"),
    "/datastore/dataset": ("images are not handed out as an archive", "GET /datastore/?output=all, then each image"),
}
"""Address -> reason, remedy."""
_METHODS = ["GET", "POST", "PUT", "DELETE"]


def _answers(reason: str, remedy: str) -> Any:
    def answer(request: Request) -> NoReturn:
        # Clients ask whether a task runs, and take 404 for no.
        status, code = (404, "not_found") if request.method == "GET" else (501, "not_here")
        raise ServiceError(status, code, reason, remedy=remedy)

    return answer


for _address, _about in _INSTEAD.items():
    for _path in (_address, f"{_address}/{{rest:path}}"):
        router.add_api_route(_path, _answers(*_about), methods=_METHODS, response_model=None)
