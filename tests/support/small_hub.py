"""A server on this machine with the manners of the Hugging Face hub, for models in folders."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "c0ffee" * 6 + "c0ff"


@dataclass
class Hub:
    """What it holds and what it was asked.

    Args:
        models: OWNER/MODEL -> folder.
        refusal: Status code for everything; 0 for none.
        gated: Models for registered users.
    """

    models: dict[str, Path]
    refusal: int = 0
    gated: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)
    address: str = ""


@contextmanager
def small_hub(models: dict[str, Path]) -> Iterator[Hub]:
    """Run the server."""
    hub = Hub(models)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = urlsplit(self.path).path
        self.hub.asked.append(path)
        if self.hub.refusal:
            return self._send(self.hub.refusal, b"{}", {}, body)
        for name, folder in self.hub.models.items():
            if name in self.hub.gated:
                return self._send(401, b"{}", {"X-Error-Code": "GatedRepo"}, body)
            if path.startswith(f"/api/models/{name}/tree/"):
                files = [{"type": "file", "path": f, "size": 1, "oid": "0"} for f in _files(folder)]
                return self._send(200, json.dumps(files).encode(), {}, body)
            if path.startswith(f"/api/models/{name}"):
                about = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": f} for f in _files(folder)]}
                return self._send(200, json.dumps(about).encode(), {}, body)
            if path.startswith(f"/{name}/resolve/{COMMIT}/"):
                file = folder / path.removeprefix(f"/{name}/resolve/{COMMIT}/")
                content = file.read_bytes()
                etag = f'"{hashlib.sha256(content).hexdigest()}"'
                return self._send(200, content, {"ETag": etag, "X-Repo-Commit": COMMIT}, body)
        return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)

    def _send(self, code: int, content: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(code)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
