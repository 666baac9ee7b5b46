"""HTTP to a service: tokens stay protected, errors become one line, what is safe to repeat is repeated."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from omentum.access import checked_token, is_loopback
from omentum.client.faults import NOT_OMENTUM, UNREACHABLE, RemoteError
from omentum.errors import MissingDependencyError, UsageError

if TYPE_CHECKING:
    import httpx

CONNECT_S, SILENCE_S = 10.0, 60.0
"""Longest time until a connection, and longest silence of a service that is asked."""
ATTEMPTS, PAUSE_S = 4, 0.5
"""Pauses double: a service that restarts within about three seconds is not missed."""
MOST_JSON_BYTES = 16 * 2**20
T = TypeVar("T")
_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})


class ServiceConnection:
    """A connection to a service; safe for several threads.

    Args:
        url: Address, such as http://127.0.0.1:8421; a path before the routes is kept.
        token: Sent as bearer token, over https or to this machine alone.

    Raises:
        UsageError: no such address can be, or the token would be sent unprotected.
        MissingDependencyError: httpx is not installed.
    """

    def __init__(self, url: str, token: str | None) -> None:
        try:
            import httpx
        except ImportError as fault:
            raise MissingDependencyError("the client needs httpx", remedy="pip install 'omentum[client]'") from fault
        self.shown, is_local = _checked(url)
        headers = {"User-Agent": "omentum", "Accept": "application/json", "Accept-Encoding": "identity"}
        if token is not None:
            if self.shown.startswith("http:") and not is_local:
                remedy = "use https://, or a tunnel: ssh -L 8421:localhost:8421 HOST"
                raise UsageError("a token is not sent without encryption", source=self.shown, remedy=remedy)
            headers["Authorization"] = f"Bearer {checked_token(token, 'the token')}"
        logging.getLogger("httpx").setLevel(logging.WARNING)
        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
        try:
            self._http = httpx.Client(base_url=self.shown, headers=headers, timeout=timeout, trust_env=not is_local)
        except (OSError, ValueError) as fault:  # of certificates or proxies in the environment
            raise UsageError(f"cannot connect: {fault}", source=self.shown) from fault

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def json(self, method: str, path: str, content: Any = None) -> Any:
        """Ask, and parse the answer.

        Args:
            method: HTTP method; GET, PUT and DELETE are repeated where that may help.
            path: Below the address.
            content: JSON values to send.

        Raises:
            RemoteError: the service refuses or is not reached.
        """
        sent = {} if content is None else {"json": content}
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.stream(method, path, **sent) as answer:
                    return self._parsed(answer)
            except RemoteError as fault:
                if attempt == ATTEMPTS or method not in _REPEATABLE or not fault.is_passing:
                    raise
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def stream(self, method: str, path: str, **sent: Any) -> Iterator[httpx.Response]:
        """Ask, and read the answer piece by piece in this block.

        Raises:
            RemoteError: the service refuses, is not reached, or falls silent.
        """
        import httpx

        try:
            with self._http.stream(method, path, **sent) as answer:
                if not answer.is_success:
                    raise self._refusal(answer)
                yield answer
        except httpx.HTTPError as fault:
            raise self._unreachable(fault) from fault

    def made(self, make: Callable[[Any], T], raw: Any) -> T:
        """Build a value from JSON.

        Raises:
            RemoteError: the answer does not fit the interface; in one line.
        """
        try:
            return make(raw)
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise self.nonsense(fault) from fault

    def nonsense(self, fault: Exception) -> RemoteError:
        """The error for an answer that does not fit the interface."""
        reason = f"does not answer like an Omentum service: {type(fault).__name__}: {fault}"
        return RemoteError(reason, source=self.shown, code=NOT_OMENTUM, remedy="is the address right?")

    def _parsed(self, answer: httpx.Response) -> Any:
        body = bytearray()
        for part in answer.iter_raw():
            body += part
            if len(body) > MOST_JSON_BYTES:
                raise self.nonsense(ValueError("the answer is too long"))
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as fault:
            raise self.nonsense(fault) from fault

    def _refusal(self, answer: httpx.Response) -> RemoteError:
        try:
            document = self._parsed(answer)
            if not isinstance(document, Mapping):
                raise TypeError("no object")
            fault = RemoteError.of(document, self.shown, answer.status_code)
        except (RemoteError, KeyError, TypeError):
            return self.nonsense(ValueError(f"status {answer.status_code}"))
        if answer.status_code == 401:
            fault.remedy = "give its token: --token-file, OMENTUM_TOKEN, or Client(token=...)"
        return fault

    def _unreachable(self, fault: httpx.HTTPError) -> RemoteError:
        import httpx

        if isinstance(fault, httpx.TimeoutException):
            reason = "does not answer"
        elif isinstance(fault, httpx.ConnectError):
            reason = f"no service answers: {fault}"
        else:
            reason = f"the connection broke: {fault or type(fault).__name__}"
        return RemoteError(reason, source=self.shown, code=UNREACHABLE, remedy="is omentum serve running there?")


def _checked(url: str) -> tuple[str, bool]:
    """The address without a slash at its end, and whether it is that of this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as fault:
        raise UsageError(f"not the address of a service: {fault}", remedy="such as http://127.0.0.1:8421") from fault
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UsageError(
            "not the address of a service", source=url.rpartition("@")[2], remedy="such as http://127.0.0.1:8421"
        )
    if "@" in parts.netloc:
        remedy = "use --token-file or OMENTUM_TOKEN"
        raise UsageError("a password does not belong in an address", source=url.rpartition("@")[2], remedy=remedy)
    return url.rstrip("/"), is_loopback(host)
