import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from dicom_files import write_stack
from service_over_http import at_a_port
from serving import TOKEN, failing, serving

from omentum.client import Client, JobOptions, RemoteError, RemoteFile, RemoteState, ServerCapabilities, following
from omentum.client import client as module
from omentum.client.connection import ServiceConnection
from omentum.client.events import MOST_EVENT_BYTES, event_data
from omentum.client.inputs import files_of
from omentum.errors import OmentumError, OutputError, UsageError


@pytest.fixture
def service(tmp_path):
    with serving(tmp_path / "state", token=TOKEN) as service:
        yield service


@pytest.fixture
def client(service):
    with at_a_port(service) as address, Client(address, token=TOKEN) as client:
        yield client


@pytest.fixture
def ct(tmp_path):
    (tmp_path / "DOE_JOHN.nii.gz").write_bytes(os.urandom(3_000_000))
    return tmp_path / "DOE_JOHN.nii.gz"


def test_from_a_file_to_a_folder_of_results(client, service, ct, tmp_path):
    sent, got, news = [], [], []
    upload = client.upload(ct, progress=lambda *at: sent.append(at))
    assert sent[-1] == (3_000_000, 3_000_000)
    (stored,) = service.service.uploads.get(upload).files
    assert (stored.name, stored.sha256) == ("ct.nii.gz", hashlib.sha256(ct.read_bytes()).hexdigest())
    job = client.submit(upload, JobOptions(classes=["liver"], formats=())).id
    done = client.wait(job, watch=news.append)
    assert (done.state, done.results) == (RemoteState.DONE, ("masks/liver.nii.gz", "segmentation.nii.gz"))
    assert {one.id for one in news} == {one.id for one in client.jobs()} == {job}
    asked = service.service.jobs.get(job).options
    assert (asked["classes"], asked["formats"]) == (["liver"], [])
    assert client.job(job) == done

    folder = client.download(job, tmp_path / "out/case", progress=lambda *at: got.append(at))
    assert (folder / "masks/liver.nii.gz").read_bytes() == b"a mask"
    assert got[-1] == (12, 12)
    with pytest.raises(OutputError, match="exists already"):
        client.download(job, folder)
    client.download(job, folder, wanted=lambda name: name.startswith("seg"), overwrite=True)
    assert [path.name for path in folder.iterdir()] == ["segmentation.nii.gz"]
    assert "input/ct.nii.gz" in client.delete(job)
    with pytest.raises(RemoteError, match="no such job"):
        client.job(job)


def test_all_at_once_leaves_nothing_behind(client, service, ct, tmp_path):
    out = client.segment(ct, tmp_path / "out", JobOptions(profile="fast"))
    assert (out / "segmentation.nii.gz").read_bytes() == b"labels"
    assert service.service.jobs.all() == []
    assert list(service.service.folder.root.glob("*/*/*")) == []
    kept = client.segment(ct, tmp_path / "other", keep=True)
    assert kept.is_dir()
    assert len(service.service.jobs.all()) == 1


def test_dicom_files_are_numbered_and_nothing_else_is_sent(tmp_path):
    import numpy as np

    write_stack(tmp_path / "DOE^JOHN", np.zeros((4, 5, 3), np.int16))
    (tmp_path / "DOE^JOHN/report of John Doe.txt").write_text("is no image, and no data element either")
    sent = files_of(tmp_path / "DOE^JOHN")
    assert [file.name for file in sent] == ["000001.dcm", "000002.dcm", "000003.dcm"]
    (tmp_path / "scan.mhd").write_text("ObjectType = Image\nElementDataFile = scan.raw\n")
    (tmp_path / "scan.raw").write_bytes(b"voxels")
    assert [(file.name, file.bytes) for file in files_of(tmp_path / "scan.mhd")] == [("scan.mhd", 46), ("scan.raw", 6)]
    (tmp_path / "empty").mkdir()
    with pytest.raises(OmentumError, match="holds no DICOM files"):
        files_of(tmp_path / "empty")
    with pytest.raises(OmentumError, match=r"gone\.nii: No such file"):
        files_of(tmp_path / "gone.nii")


def test_a_failed_or_cancelled_job_says_why(tmp_path, ct):
    with serving(tmp_path / "failing", failing) as service, at_a_port(service) as address, Client(address) as client:
        with pytest.raises(RemoteError, match=r"^ct.nii.gz: is damaged \(copy it again\)$"):
            client.segment(ct, tmp_path / "out")
        assert service.service.jobs.all() == []
        assert not (tmp_path / "out").exists()

        service.runner.compute = lambda *_: service.runner.cancelled.wait()
        job = client.submit(client.upload(ct)).id
        with pytest.raises(RemoteError, match="was cancelled"):
            client.wait(job, watch=lambda news: news.stage and client.cancel(job))
        with pytest.raises(RemoteError, match="has no such results"):
            client.download(job, tmp_path / "out")


def test_what_a_service_refuses_is_one_line(client, service, ct):
    for refused, says in (
        (lambda: client.submit(client.upload(ct), JobOptions(profile="hasty")), "hasty"),
        (lambda: client.doctor("a" * 26), "no such upload"),
        (lambda: client.compare("a" * 26, "b" * 26), "no such job"),
    ):
        with pytest.raises(RemoteError, match=says) as fault:
            refused()
        assert fault.value.code
        assert "\n" not in str(fault.value)
    client.capabilities = ServerCapabilities(1, "", (), (), (), upload_bytes=10, files=1)
    with pytest.raises(RemoteError, match="the service allows 10 bytes and 1 files"):
        client.upload(ct)


def test_a_connection_that_breaks_is_made_again(client, ct, monkeypatch):
    monkeypatch.setattr(following, "PAUSE_S", 0.0)
    job = client.submit(client.upload(ct)).id
    ask, broken = ServiceConnection.stream, iter(["/events", "/events"])

    def stream(self, method, path, **sent):
        if path.endswith(next(broken, "never")):
            raise RemoteError("the connection broke", code="unreachable")
        return ask(self, method, path, **sent)

    monkeypatch.setattr(ServiceConnection, "stream", stream)
    assert client.wait(job).state is RemoteState.DONE
    assert next(broken, None) is None
    monkeypatch.setattr(following, "PATIENCE_S", -1.0)
    broken = iter(["/events"])
    with pytest.raises(RemoteError, match="the connection broke"):
        client.wait(job)


def test_tokens_are_needed_kept_and_protected(service, tmp_path, monkeypatch):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with at_a_port(service) as address:
        with Client(address) as client, pytest.raises(RemoteError, match="the token is missing or wrong") as fault:
            client.jobs()
        assert (fault.value.status, fault.value.code) == (401, "no_token")
        assert "--token-file" in str(fault.value)
        with Client(f"{address}/", token_file=tmp_path / "token") as client:
            assert client.jobs() == []
        monkeypatch.setenv("OMENTUM_TOKEN", TOKEN)
        with Client(address) as client:
            assert client.capabilities.weights[0].structures == ("liver",)
    with pytest.raises(UsageError, match="not sent without encryption"):
        Client("http://segment.hospital.example")
    Client("https://segment.hospital.example").close()
    for address in ("segment:8421", "ftp://host", "http://", "http://host/?x=1", "http://[::1"):
        with pytest.raises(UsageError, match="not the address of a service"):
            Client(address)
    with pytest.raises(UsageError, match="a password does not belong") as held:
        Client("https://me:secret@host")
    assert "secret" not in str(held.value)


class _Other(BaseHTTPRequestHandler):
    """Something else that answers HTTP."""

    answers: tuple[int, bytes] = (200, b"")

    def do_GET(self):
        self.send_response(self.answers[0])
        self.send_header("Content-Length", str(len(self.answers[1])))
        self.end_headers()
        self.wfile.write(self.answers[1])

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ((200, b"<html>"), "does not answer like an Omentum service: JSONDecodeError"),
        ((404, b"<html>"), "does not answer like an Omentum service: ValueError: status 404"),
        ((200, b'{"protocol": 1}'), "does not answer like an Omentum service: KeyError"),
        ((200, b"[1]"), "does not answer like"),
        ((200, b"[" * 100_000), "does not answer like an Omentum service: RecursionError"),
        ((400, b'["error"]'), "status 400"),
        ((200, b'{"protocol": 2, "version": "9.0"}'), "speaks version 2 of the interface, this client version 1 "
         r"\(install a newer omentum on this machine; the service has 9.0\)"),
        ((200, b'{"protocol": 0}'), r"install a newer omentum where the service runs"),
    ],
)  # fmt: skip
def test_something_else_at_the_address(answers, says, monkeypatch):
    monkeypatch.setattr(_Other, "answers", answers)
    server = HTTPServer(("127.0.0.1", 0), _Other)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with Client(f"http://127.0.0.1:{server.server_port}") as client, pytest.raises(RemoteError, match=says):
            client.capabilities  # noqa: B018
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    monkeypatch.setattr("omentum.client.connection.PAUSE_S", 0.0)
    with Client(f"http://127.0.0.1:{server.server_port}") as client, pytest.raises(RemoteError) as fault:
        client.jobs()
    assert fault.value.code == "unreachable"
    assert "is omentum serve running there?" in str(fault.value)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a\\b", "", "C:x", "a\nb"])
def test_names_of_results_lead_nowhere_else(name):
    with pytest.raises(ValueError, match="no name of a result file"):
        RemoteFile.from_json({"name": name, "bytes": 1})


def test_events_are_read_as_they_are_defined():
    stream = b': a comment\r\n\nevent: state\ndata: {"a":\ndata: 1}\n\nid: 7\n\ndata:{"b": 2}\n\ndata: "cut off"\n'
    for length in (1, 7, len(stream)):
        parts = [stream[start : start + length] for start in range(0, len(stream), length)]
        assert list(event_data(parts)) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("part", [b"x" * 1000, b"data: " + b"1" * 999 + b"\n", b":" + b" " * 10**7])
def test_an_event_without_end_is_not_kept(part):
    read = 0

    def endless():
        nonlocal read
        while True:
            read += len(part)
            yield part

    with pytest.raises(ValueError, match="longer than 1048576 bytes"):
        list(event_data(endless()))
    assert read <= MOST_EVENT_BYTES + 2 * max(len(part), 10_000)


def test_jobs_are_listed_page_by_page(client, ct, monkeypatch):
    upload = client.upload(ct)
    submitted = [client.submit(upload).id for _ in range(5)]
    for page in (1, 2, 5, 6):
        monkeypatch.setattr(module, "PAGE", page)
        assert [one.id for one in client.jobs()] == submitted[::-1]


def test_results_that_no_job_writes_or_for_which_there_is_no_room_are_not_fetched(client, ct, tmp_path, monkeypatch):
    job = client.submit(client.upload(ct)).id
    client.wait(job)
    announced = client.results(job)
    monkeypatch.setattr(client, "results", lambda _: [RemoteFile("a", 2**62), *announced])
    with pytest.raises(
        RemoteError, match=r"announces 3 results with .* the limits are 10000 files and 50000000000 bytes"
    ):
        client.download(job, tmp_path / "out")
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=3))
    monkeypatch.setattr(client, "results", lambda _: announced)
    with pytest.raises(OutputError, match="the results have 12 bytes, and the disk has room for 3"):
        client.download(job, tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()


def test_httpx_is_all_it_needs():
    """As after `pip install --no-deps omentum` and `pip install httpx`."""
    allowed = ["httpx", "httpcore", "h11", "anyio", "sniffio", "certifi", "idna", "typing_extensions", "truststore"]
    code = f"""
import importlib.machinery, json, sys
class Only(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        found = super().find_spec(name, path, target)
        top = name.split(".")[0]
        is_package = found and found.origin and "site-packages" in found.origin
        return None if is_package and top not in {allowed} and not top.startswith("omentum") else found
sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Only
from omentum.client import Client
from omentum.client.inputs import files_of
Client("http://127.0.0.1:1").close()
print(json.dumps(sorted(m for m in ("numpy", "torch", "rich", "pydantic") if m in sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
