"""A small web server on this machine whose manners a test can spoil."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What the server answers, and what it was asked.

    Args:
        content: The file.
        etag: Its mark; empty for none.
        ranges: Whether parts can be asked for.
        cuts: After how many bytes to hang up, one number a request; then no more.
        refusals: Status codes of the first answers.
        announce: Whether the length is told.
        redirect: Address for requests of `/moved`.
    """

    content: bytes
    etag: str = '"v1"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    announce: bool = True
    redirect: str = "/file.pth"
    address: str = ""
    asked: list[str | None] = field(default_factory=list)


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Run the server; `site.address` is the file's."""
    handler = type("Handler", (_Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}/file.pth"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site = self.site
        if self.path == "/moved":
            return self._head(302, {"Location": site.redirect, "Content-Length": "0"})
        site.asked.append(self.headers.get("Range"))
        if site.refusals:
            return self._head(site.refusals.pop(0), {"Content-Length": "0"})
        start = self._start()
        if start > len(site.content) or (start and start == len(site.content)):
            return self._head(416, {"Content-Range": f"bytes */{len(site.content)}", "Content-Length": "0"})
        headers = {"ETag": site.etag} if site.etag else {}
        if site.announce:
            headers["Content-Length"] = str(len(site.content) - start)
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(site.content) - 1}/{len(site.content)}"
        self._head(206 if start else 200, headers)
        self.wfile.write(site.content[start : start + site.cuts.pop(0)] if site.cuts else site.content[start:])
        self.close_connection = True
        return None

    def _start(self) -> int:
        wish = self.headers.get("Range")
        if not wish or not self.site.ranges or self.headers.get("If-Range") != self.site.etag:
            return 0
        return int(wish.removeprefix("bytes=").rstrip("-"))

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""
