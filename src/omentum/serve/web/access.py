"""Who may ask: the name the request was sent to, the page it comes from, and the token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import urlsplit

from omentum.access import is_loopback
from omentum.serve.faults import ServiceError

COOKIE = "omentum_token"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class AccessRules:
    """The rules.

    Args:
        token: None where none is needed.
        hosts: Names by which the service may be reached, lower case, without port.
        any_address: Whether it may be reached by any IP address: a page of somebody else cannot claim one for itself,
            as it can a name (DNS rebinding).
    """

    token: str | None
    hosts: frozenset[str]
    any_address: bool

    @classmethod
    def for_host(cls, host: str, token: str | None, further: tuple[str, ...]) -> AccessRules:
        """The rules of a service that listens at an address."""
        named = frozenset(name.strip("[]").lower() for name in (host, *further))
        return cls(token, _LOOPBACK_NAMES | named, any_address=not is_loopback(host))

    def check(self, method: str, headers: Mapping[str, str], *, is_public: bool) -> None:
        """Refuse a request that must not be answered.

        Args:
            method: HTTP method.
            headers: By lower-case name.
            is_public: Whether what is asked for needs no token.

        Raises:
            ServiceError: 421 for another host, 403 for a page of another origin, 401 without the token.
        """
        host = headers.get("host", "")
        if not self._is_ours(host):
            raise ServiceError(
                421, "wrong_host", "the service is not known under this host name", remedy="--allow-host adds one"
            )
        self._check_origin(method, headers, host, is_public=is_public)
        if self.token is not None and not is_public and not self.knows_token(headers):
            raise ServiceError(
                *(401, "no_token", "the token is missing or wrong"),
                remedy="send Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def is_token(self, given: str) -> bool:
        """Compare with the token in constant time."""
        return self.token is not None and hmac.compare_digest(
            given.encode("utf-8", "surrogatepass"), self.token.encode()
        )

    def knows_token(self, headers: Mapping[str, str]) -> bool:
        """Whether a request carries the token, as a header or as a cookie."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return True
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except CookieError:
            return False
        return COOKIE in cookies and self.is_token(cookies[COOKIE].value)

    def _is_ours(self, host: str) -> bool:
        name = _name(host)
        if name in self.hosts:
            return True
        try:
            return self.any_address and bool(ip_address(name))
        except ValueError:
            return False

    def _check_origin(self, method: str, headers: Mapping[str, str], host: str, *, is_public: bool) -> None:
        origin = headers.get("origin")
        is_foreign = origin is not None and _place(origin) != host.lower()
        is_foreign |= headers.get("sec-fetch-site") == "cross-site" and not is_public
        if is_foreign and (method not in SAFE_METHODS or not is_public):
            raise ServiceError(403, "foreign_origin", "pages of other sites may not use this service")


def _name(host: str) -> str:
    """Name in a Host header, without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _place(origin: str) -> str:
    """host:port of an Origin header; "" if it is malformed."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
