"""Stands before all routes: refuses, limits bodies, adds headers, counts, and lets no traceback out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omentum.errors import lines_of
from omentum.serve.faults import ServiceError
from omentum.serve.metrics import Answered
from omentum.serve.web.access import AccessRules
from omentum.serve.web.answers import refusal

MOST_BODY_BYTES = 64 * 1024
"""Of a request whose body is not streamed to a file."""
BODY_S = 30.0
"""Seconds for such a body."""
CSP = "; ".join(
    (
        "default-src 'self'",
        # NiiVue starts workers from blobs, compiles WebAssembly, and has fonts and pictures as data in its scripts
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
        "img-src 'self' data: blob:",
        "connect-src 'self' data: blob:",
        # positions and colours of drawn elements are set by scripts
        "style-src 'self' 'unsafe-inline'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer that has no such header of its own."""


@dataclass(frozen=True)
class Guard:
    """Middleware.

    Args:
        app: The routes.
        rules: Who may ask.
        is_public: Whether an address needs no token.
        is_streamed: Whether the route of (method, address) reads its body itself and limits it.
        answered: Called after each request.
        say: Takes lines for the log.
    """

    app: ASGIApp
    rules: AccessRules
    is_public: Callable[[str, str], bool]
    is_streamed: Callable[[str, str], bool]
    answered: Callable[[Answered], None]
    say: Callable[[str], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(send, HEADERS)
        try:
            await self._pass_on(scope, receive, answer)
        except ServiceError as fault:
            await answer.instead(refusal(fault), scope, receive)
        except ClientDisconnect:
            answer.status = answer.status or 499
        except Exception as fault:
            self.say(f"internal fault in {scope['method']} {_route(scope)}: {' '.join(lines_of(fault).split())}")
            internal = ServiceError(500, "internal", "internal fault", remedy="report it; the log has the place")
            await answer.instead(refusal(internal), scope, receive)
        finally:
            passed = time.perf_counter() - answer.began
            self.answered(Answered(scope["method"], _route(scope), answer.status, passed, answer.bytes))

    async def _pass_on(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        self.rules.check(method, headers, is_public=self.is_public(method, path))
        if not self.is_streamed(method, path):
            receive = _replayed(await _small_body(headers, receive), receive)
        await self.app(scope, receive, answer)


class _Answer:
    """Sends what the routes answer, with the headers of the service."""

    def __init__(self, send: Send, headers: dict[str, str]) -> None:
        self._send, self._headers = send, headers
        self.status, self.bytes, self.began = 0, 0, time.perf_counter()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
        await self._send(message)

    async def instead(self, response: Any, scope: Scope, receive: Receive) -> None:
        """Answer with an error, unless an answer has begun."""
        if not self.status:
            await response(scope, receive, self)


async def _small_body(headers: Headers, receive: Receive) -> bytes:
    """The whole body of a request.

    Raises:
        ServiceError: it is too large, or does not come.
    """
    body = bytearray()
    announced = headers.get("content-length", "0")
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                if len(body) > MOST_BODY_BYTES or (announced.isdigit() and int(announced) > MOST_BODY_BYTES):
                    reason = f"the body of this request has at most {MOST_BODY_BYTES} bytes"
                    raise ServiceError(413, "too_large", reason, headers={"Connection": "close"})
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as fault:
        raise ServiceError(408, "too_slow", "the request did not come", headers={"Connection": "close"}) from fault


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Hands out a body that was received already, then what else comes."""
    waiting = [body]

    async def replay() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replay


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "-"))
