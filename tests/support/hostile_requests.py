"""Requests that a service must refuse; the tests send them, and benchmarks/service.py makes a table of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from serving import followed, submitted, uploaded

MOST_BYTES = 20_000
"""An upload of the service that the requests are sent to."""
UNKNOWN = "a" * 26


@dataclass(frozen=True)
class HostileRequest:
    """A request and what must be answered.

    Args:
        kind: What it tries.
        what: In a few words.
        status: Status of the answer.
        send: Sends it, to a client that knows the token.
    """

    kind: str
    what: str
    status: int
    send: Callable[[Any], Any]


def hostile_requests(client: Any) -> Iterator[HostileRequest]:
    """All of them, for a service with a finished job."""
    upload = uploaded(client)
    job = submitted(client, uploaded(client))
    followed(client, job)
    yield from _identity()
    yield from _other_sites()
    yield from _names(upload, job)
    yield from _sizes(upload, job)
    yield from _json(upload)


def _identity() -> Iterator[HostileRequest]:
    kind = "token"
    yield HostileRequest(kind, "no token", 401, _get("/jobs", Authorization=""))
    yield HostileRequest(kind, "a wrong token", 401, _get("/jobs", Authorization="Bearer another-token-of-length"))
    yield HostileRequest(
        kind, "the token in the address", 401, _get("/jobs?token=a-token-of-the-tests", Authorization="")
    )
    yield HostileRequest(
        kind, "a wrong token in a cookie", 401, _get("/jobs", Authorization="", Cookie="omentum_token=x")
    )
    yield HostileRequest(kind, "bytes that are no text", 401, _get("/jobs", Authorization=b"Bearer \xff\xfe"))
    yield HostileRequest(kind, "log-in with a wrong token", 401, lambda c: c.post("/login", json={"token": "x" * 20}))


def _other_sites() -> Iterator[HostileRequest]:
    rebinding, forgery = "DNS rebinding", "cross-site request"
    yield HostileRequest(rebinding, "Host: evil.example", 421, _get("/jobs", Host="evil.example"))
    yield HostileRequest(rebinding, "Host: 127.0.0.1.evil.example", 421, _get("/health", Host="127.0.0.1.evil.example"))
    yield HostileRequest(rebinding, "Host: 10.0.0.1 (listens at loopback)", 421, _get("/jobs", Host="10.0.0.1"))
    yield HostileRequest(rebinding, "an empty Host", 421, _get("/jobs", Host=""))
    foreign = {"Origin": "http://evil.example"}
    yield HostileRequest(forgery, "POST with a foreign Origin", 403, lambda c: c.post("/uploads", headers=foreign))
    yield HostileRequest(
        forgery, "DELETE with Origin: null", 403, lambda c: c.delete(f"/jobs/{UNKNOWN}", headers={"Origin": "null"})
    )
    yield HostileRequest(
        forgery,
        "POST from another port",
        403,
        lambda c: c.post("/uploads", headers={"Origin": "http://127.0.0.1:3000"}),
    )
    yield HostileRequest(
        forgery, "GET that a browser calls cross-site", 403, _get("/jobs", **{"Sec-Fetch-Site": "cross-site"})
    )
    yield HostileRequest(forgery, "a form in place of JSON", 422, lambda c: c.post("/jobs", data={"upload": UNKNOWN}))
    yield HostileRequest(forgery, "CORS preflight", 403, lambda c: c.options("/jobs", headers=foreign))


def _names(upload: str, job: str) -> Iterator[HostileRequest]:
    kind = "path traversal"
    names = {
        "..%2f..%2fetc%2fpasswd": 404,
        "%2e%2e": 400,
        "..%5c..%5cx": 400,
        "a%00b": 400,
        ".bashrc": 400,
        "CON.nii": 400,
    }
    for name, status in names.items():
        yield HostileRequest(kind, f"file {name}", status, _put(f"/uploads/{upload}/files/{name}"))
    yield HostileRequest(kind, "a name of 300 letters", 422, _put(f"/uploads/{upload}/files/{'a' * 300}"))
    yield HostileRequest(kind, "line breaks in a name", 400, _put(f"/uploads/{upload}/files/a%0d%0aSet-Cookie:%20b"))
    for name in ("..%2f..%2f..%2fservice.sqlite", "%2e%2e/attempt-1/segmentation.nii.gz", "%2fetc%2fpasswd"):
        yield HostileRequest(kind, f"result {name}", 404, _get(f"/jobs/{job}/results/{name}"))
    yield HostileRequest(kind, "page /..%2fservice.py", 404, _get("/..%2fservice.py"))
    yield HostileRequest(kind, "identifier ../..", 404, _get("/jobs/%2e%2e%2f%2e%2e"))
    yield HostileRequest(kind, "identifier that is none", 422, _get("/jobs/' OR 1=1 --"))
    yield HostileRequest(kind, "unknown identifier", 404, _get(f"/jobs/{UNKNOWN}"))
    yield HostileRequest(kind, "weights /etc/passwd", 422, _post({"upload": upload, "weights": "/etc/passwd"}))
    yield HostileRequest(kind, "structure ../x", 404, _put(f"/jobs/{job}/corrections/..%2fx"))


def _sizes(upload: str, job: str) -> Iterator[HostileRequest]:
    kind, place = "size", f"/uploads/{upload}/files/x.nii"
    too_much = b"x" * (MOST_BYTES + 1)
    yield HostileRequest(kind, "a byte more than the limit", 413, _put(place, too_much))
    yield HostileRequest(
        kind, "in chunks, without a length", 413, _put(place, iter([too_much[:15_000], too_much[:15_000]]))
    )
    yield HostileRequest(kind, "a length of 10 TB", 413, _put(place, b"x", **{"Content-Length": str(10**13)}))
    yield HostileRequest(kind, "gzip as Content-Encoding", 415, _put(place, b"x", **{"Content-Encoding": "gzip"}))
    many = "bytes=" + ",".join("0-1" for _ in range(2000))
    yield HostileRequest(kind, "2000 ranges", 200, _get(f"/jobs/{job}/results/segmentation.nii.gz", Range=many))
    yield HostileRequest(
        kind,
        "POST with X-HTTP-Method-Override: GET",
        405,
        lambda c: c.post("/health", headers={"X-HTTP-Method-Override": "GET"}),
    )
    yield HostileRequest(kind, "DELETE /health", 405, lambda c: c.delete("/health"))


def _json(upload: str) -> Iterator[HostileRequest]:
    kind = "JSON"
    deep = b"[" * 30_000 + b"]" * 30_000
    yield HostileRequest(kind, "30 000 brackets", 400, _text(deep))
    yield HostileRequest(kind, "100 kB", 413, _text(b" " * 100_000))
    yield HostileRequest(kind, "a number of 20 000 digits", 400, _text(b'{"upload": 1' + b"0" * 20_000 + b"}"))
    yield HostileRequest(kind, "bytes that are no UTF-8", 400, _text(b'{"upload": "\xff"}'))
    yield HostileRequest(kind, "an unknown field", 422, _post({"upload": upload, "device": "cuda:7"}))
    yield HostileRequest(kind, "201 structures", 422, _post({"upload": upload, "classes": ["liver"] * 201}))
    yield HostileRequest(kind, "NaN", 422, _text(json.dumps({"upload": float("nan")})))


def _get(path: str, **headers: Any) -> Callable[[Any], Any]:
    return lambda client: client.get(path, headers=headers)


def _put(path: str, content: Any = b"x", **headers: Any) -> Callable[[Any], Any]:
    return lambda client: client.put(path, content=content, headers=headers)


def _post(asked: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda client: client.post("/jobs", json=asked)


def _text(body: bytes | str) -> Callable[[Any], Any]:
    return lambda client: client.post("/jobs", content=body, headers={"Content-Type": "application/json"})
