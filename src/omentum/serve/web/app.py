"""The application: all routes behind the guard."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from omentum.serve.faults import ServiceError
from omentum.serve.metrics import Answered
from omentum.serve.service import Service
from omentum.serve.web.access import AccessRules
from omentum.serve.web.answers import refusal, refusal_of_router
from omentum.serve.web.guard import Guard
from omentum.serve.web.monai_label import about as monai_label
from omentum.serve.web.monai_label import elsewhere, images, infer, info, labels, removal, sessions
from omentum.serve.web.page import docs_router, page_files, page_folder, page_router
from omentum.serve.web.receiving import SlowestPace
from omentum.serve.web.routes import about, jobs, results, uploads
from omentum.serve.web.routes.common import STREAMED

DESCRIPTION = (
    "Segments organs and tumours in CT scans. Upload files, queue a job, follow its events, fetch the results. "
    "Errors are JSON with a code, the file, the reason and the remedy. Not a medical device. Not for clinical use."
)
PUBLIC = ("/health", "/login", *monai_label.PUBLIC)
"""Need no token, beside the page."""


def build_app(service: Service, *, page: Path | None = None, pace: SlowestPace | None = None) -> FastAPI:
    """Build the application.

    Args:
        service: Behind the routes; started and closed by the caller.
        page: Folder of the built page; that of the package by default.
        pace: How slow a sender may be.
    """
    app = FastAPI(title="Omentum", version=version("omentum"), description=DESCRIPTION, docs_url=None, redoc_url=None)
    rules = AccessRules.for_host(service.options.host, service.options.token, service.options.allow_host)
    app.state.service, app.state.rules, app.state.pace = service, rules, pace or SlowestPace()
    files = page_files(page or page_folder())
    ours = (about.router, uploads.router, jobs.router, results.router, page_router(files), docs_router(app))
    store = (sessions.router, images.router, labels.router, info.router, removal.router)
    routers = (*ours, monai_label.router, *store, infer.router, elsewhere.router)
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(ServiceError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_values)
    app.add_exception_handler(HTTPException, _refuse_address)
    public = {"/", *PUBLIC, *files}

    def answered(request: Answered) -> None:
        service.metrics.answered(request)
        answer = f"{request.method} {request.route} {request.status}"
        service.say(f"{answer} {request.seconds * 1000:.0f} ms {request.bytes} B")

    app.add_middleware(
        Guard,
        rules=rules,
        is_public=lambda method, path: path in public,
        is_streamed=partial(_is_streamed, _streamed_routes(routers)),
        answered=answered,
        say=service.say,
    )
    return app


def _streamed_routes(routers: Iterable[APIRouter]) -> list[APIRoute]:
    routes = (route for router in routers for route in router.routes if isinstance(route, APIRoute))
    return [route for route in routes if STREAMED[0] in route.dependencies]


def _is_streamed(routes: Iterable[APIRoute], method: str, path: str) -> bool:
    return any(method in (route.methods or ()) and route.path_regex.match(path) for route in routes)


def _refuse(_: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, ServiceError)
    return refusal(fault)


def _refuse_values(_: Request, fault: Exception) -> JSONResponse:
    """What does not fit the schema; values are not repeated."""
    assert isinstance(fault, RequestValidationError)
    first = fault.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:] if not isinstance(part, int)) or str(first["loc"][0])
    reason = f"{place}: {first['msg']}" if first["type"] != "json_invalid" else "the body is not JSON"
    return refusal(ServiceError(422, "invalid", " ".join(reason.split()), remedy="see /docs"))


def _refuse_address(_: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, HTTPException)
    return refusal_of_router(fault)
