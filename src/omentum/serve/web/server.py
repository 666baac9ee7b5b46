"""The service on a port: connections with a deadline, an orderly end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from omentum.errors import UsageError
from omentum.serve.service import Service
from omentum.serve.web.app import build_app
from omentum.serve.web.receiving import SlowestPace

HEADERS_S = 20.0
"""Longest time for a connection to send a request line and headers."""
READING_S = 60.0
"""Longest time in which a connection accepts nothing of what is sent to it."""
MOST_CONNECTIONS = 1000
MOST_HEADER_BYTES = 32 * 1024
END_S = 5
"""Seconds that requests have to end when the service does."""


class PatientProtocol(H11Protocol):
    """Closes connections that do not send a request, however slowly they send parts of one."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request; refuse more connections than can be served."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.close()
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # who does not read what it asked for
            milliseconds = int(1000 * READING_S)
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Stop waiting when the request is there."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _watch(self) -> None:
        is_left_over = self.cycle is not None and self.cycle.response_complete  # a body that nobody reads any more
        if self.transport.is_closing() or not (self.conn.their_state is h11.IDLE or is_left_over):
            self._stop_waiting()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        UsageError: the address or port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host.strip("[]"), port))
        found.listen(512)
    except OSError as fault:
        found.close()
        remedy = "another --port, or --port 0 for any free one"
        raise UsageError(f"cannot listen: {fault.strerror or fault}", source=f"{host}:{port}", remedy=remedy) from fault
    return found


def make_server(service: Service, started: Callable[[str], None], pace: SlowestPace | None = None) -> uvicorn.Server:
    """A server whose `run(sockets=[...])` serves until SIGINT or SIGTERM.

    Args:
        service: Has been started; is closed by the caller.
        started: Called with the address once requests are answered.
        pace: How slow a sender may be.
    """
    config = uvicorn.Config(
        build_app(service, pace=pace),
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=END_S,
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
    )
    return _Server(config, service, started)


class _Server(uvicorn.Server):
    """Says when it listens, and tells those who follow a job when it ends."""

    def __init__(self, config: uvicorn.Config, service: Service, started: Callable[[str], None]) -> None:
        super().__init__(config)
        self._service, self._started = service, started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets=sockets)
        host, port = (sockets or [])[0].getsockname()[:2]
        self._started(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for requests, but not for those who follow jobs."""
        self._service.board.end()
        await super().shutdown(sockets=sockets)
