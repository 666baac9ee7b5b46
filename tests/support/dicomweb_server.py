"""A DICOMweb server on this machine that answers as a test wishes, also badly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BOUNDARY = "here"
TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """What it answers: to requests of lists, of images and of storing; and what it was asked."""

    def __init__(self) -> None:
        self.lists: Answer = gives(b"[]", "application/dicom+json")
        self.images: Answer = gives(b"", TYPE)
        self.stores: Answer = gives(b"{}", "application/dicom+json")
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.port = 0

    @property
    def address(self) -> str:
        return f"dicomweb://127.0.0.1:{self.port}/dicom-web"


def gives(content: bytes, content_type: str, status: int = 200, **headers: str) -> Answer:
    """An answer as it should be; a header given as None is left out."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        told = {"Content-Type": content_type, "Content-Length": str(len(content))}
        for name, value in (told | {n.replace("_", "-"): v for n, v in headers.items()}).items():
            if value is not None:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def endless(start: bytes, content_type: str = TYPE) -> Answer:
    """An answer that does not end by itself."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", content_type)
        handler.end_headers()
        handler.wfile.write(start)
        try:
            while True:
                handler.wfile.write(bytes(2**16))
        except OSError:
            pass  # the client has enough

    return answer


def body(*parts: bytes, content_type: str = "application/dicom", end: bool = True) -> bytes:
    """Parts as a multipart body."""
    made = b"".join(f"\r\n--{BOUNDARY}\r\nContent-Type: {content_type}\r\n\r\n".encode() + part for part in parts)
    return made + (f"\r\n--{BOUNDARY}--\r\n".encode() if end else b"")


def of_files(files: list[Path]) -> Answer:
    return gives(body(*(file.read_bytes() for file in files)), TYPE)


@contextmanager
def serving_dicomweb() -> Iterator[Server]:
    site = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(("GET", self.path, dict(self.headers)))
            (site.lists if "includefield" in self.path else site.images)(self)
            self.close_connection = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            site.asked.append(("POST", self.path, dict(self.headers)))
            site.stores(self)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
