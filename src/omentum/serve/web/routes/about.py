"""What the service is and how it is: health, figures, capabilities, log-in."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from omentum.serve.documents import Capabilities, Health, LoginRequest
from omentum.serve.faults import ServiceError
from omentum.serve.web.access import COOKIE
from omentum.serve.web.routes.common import ServiceHere, errors

router = APIRouter(tags=["about"])


@router.get("/health", summary="Whether the service is there", responses=errors())
async def health() -> Health:
    """Needs no token, touches no disk."""
    return Health()


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response, responses={
    **errors(), 200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "text format"},
})  # fmt: skip
def metrics(service: ServiceHere) -> Response:
    """Requests by route, jobs by state, bytes; no identifiers and no names."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/capabilities", summary="Weights, structures, formats, limits", responses=errors())
async def capabilities(service: ServiceHere) -> Capabilities:
    """What can be asked for, and the version of this interface."""
    return service.capabilities()


@router.post("/login", summary="Keep the token in a cookie", status_code=204, responses=errors())
async def login(asked: LoginRequest, request: Request, service: ServiceHere) -> Response:
    """For browsers: downloads by link need a token, too. The cookie is not readable by scripts.

    Where the service needs no token, there is no cookie.
    """
    rules = request.app.state.rules
    answer = Response(status_code=204)
    if service.options.token is None:
        return answer
    if not rules.is_token(asked.token):
        raise ServiceError(401, "no_token", "the token is wrong", headers={"WWW-Authenticate": "Bearer"})
    is_https = request.url.scheme == "https"
    answer.set_cookie(COOKIE, asked.token, httponly=True, samesite="strict", secure=is_https, path="/")
    return answer
