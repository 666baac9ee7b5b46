"""The service on a port: slow, silent and vanishing senders, and its orderly end."""

import socket
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
from serving import OFFERED, FunctionRunner, InlineReader

from omentum.errors import UsageError
from omentum.serve.options import ServeOptions
from omentum.serve.service import Service
from omentum.serve.web import server as servers
from omentum.serve.web.receiving import SlowestPace
from omentum.serve.web.server import listening_socket, make_server

WAIT_S = 60.0


@contextmanager
def listening(state, pace=None):
    """A service on a free port: (its address, the service)."""
    runner = FunctionRunner()
    service = Service(ServeOptions(state=state), runners=[runner], reader=InlineReader(state))
    runner.service = service
    service.start(OFFERED)
    listener, addresses, ready = listening_socket("127.0.0.1", 0), [], threading.Event()

    def started(address):
        addresses.append(address)
        ready.set()

    server = make_server(service, started, pace)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert ready.wait(WAIT_S)
        yield addresses[0], service
    finally:
        server.should_exit = True
        thread.join(WAIT_S)
        service.close()
        listener.close()
        assert not thread.is_alive()


def connect(address):
    url = httpx.URL(address)
    made = socket.create_connection((url.host, url.port), WAIT_S)
    made.settimeout(WAIT_S)
    return made


def put_head(upload, length=1000):
    return f"PUT /uploads/{upload}/files/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n".encode()


def wait_until(condition):
    end = time.monotonic() + WAIT_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_a_sender_that_vanishes_leaves_nothing(tmp_path):
    with listening(tmp_path / "state") as (address, service):
        upload = httpx.post(f"{address}uploads").json()["id"]
        with connect(address) as sender:
            sender.sendall(put_head(upload) + b"x" * 500)
            wait_until(lambda: any((tmp_path / "state" / "uploads" / upload).iterdir()))
            assert service.uploads.open_bodies() == 1
        wait_until(lambda: service.uploads.open_bodies() == 0)
        assert not list((tmp_path / "state" / "uploads" / upload).iterdir())
        assert service.uploads.used_bytes() == 0
        assert httpx.get(f"{address}uploads/{upload}").json()["files"] == []


def test_a_silent_sender_is_told_and_let_go(tmp_path):
    with listening(tmp_path / "state", SlowestPace(silence_s=0.1)) as (address, _):
        upload = httpx.post(f"{address}uploads").json()["id"]
        with connect(address) as sender:
            sender.sendall(put_head(upload) + b"x")
            assert sender.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_a_sender_that_drips_is_told_and_let_go(tmp_path):
    pace = SlowestPace(grace_s=0.05, least_bytes_s=1e9)
    with listening(tmp_path / "state", pace) as (address, _):
        upload = httpx.post(f"{address}uploads").json()["id"]
        with connect(address) as sender:
            sender.sendall(put_head(upload) + b"x")
            time.sleep(0.1)
            sender.sendall(b"x")
            assert sender.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_connections_without_a_request_are_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "HEADERS_S", 0.1)
    with listening(tmp_path / "state") as (address, _):
        with connect(address) as silent, connect(address) as slow:
            slow.sendall(b"GET /health HTTP/1.1\r\nHost: 127")
            assert silent.recv(10) == slow.recv(10) == b""
        assert httpx.get(f"{address}health").json() == {"status": "ok"}


def test_a_body_shorter_or_longer_than_announced(tmp_path):
    with listening(tmp_path / "state") as (address, service):
        upload = httpx.post(f"{address}uploads").json()["id"]
        with connect(address) as sender:
            sender.sendall(put_head(upload, 10) + b"0123456789DELETE / HTTP/9.9\r\n\r\n")
            assert sender.recv(1000).startswith(b"HTTP/1.1 200 ")
        with connect(address) as sender:
            sender.sendall(put_head(upload, 10) + b"012")
            sender.shutdown(socket.SHUT_WR)
            sender.recv(1000)
        wait_until(lambda: service.uploads.open_bodies() == 0)
        assert httpx.get(f"{address}uploads/{upload}").json()["bytes"] == 10


def test_two_lengths_are_refused(tmp_path):
    with listening(tmp_path / "state") as (address, _), connect(address) as sender:
        both = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n0\r\n\r\n"
        sender.sendall(b"POST /uploads HTTP/1.1\r\nHost: 127.0.0.1\r\n" + both)
        assert sender.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_port_that_is_taken_is_named(tmp_path):
    with listening_socket("127.0.0.1", 0) as taken, pytest.raises(UsageError, match="cannot listen"):
        listening_socket("127.0.0.1", taken.getsockname()[1])
