"""Which addresses may be fetched from."""

from __future__ import annotations

import urllib.parse
import urllib.request
from ipaddress import ip_address
from typing import Any

from omentum.errors import UsageError


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects only to addresses that would be allowed themselves."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener() -> urllib.request.OpenerDirector:
    """Build an opener that follows safe redirects only."""
    return urllib.request.build_opener(_SafeRedirects)


def check_address(address: str) -> None:
    """Raise a UsageError unless the address is https, or http on this very machine."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return
    raise UsageError("weights are fetched over https only", source=address)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
