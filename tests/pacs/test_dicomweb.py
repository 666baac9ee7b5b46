"""The client against servers with bad manners."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from dicom_files import write_stack
from dicomweb_server import TYPE, body, endless, gives, of_files, serving_dicomweb
from orthanc import free_port
from pydicom import dcmread

from omentum.errors import InputError, OutputError, UsageError
from omentum.io.dicom.series import read_series
from omentum.pacs import dicomweb
from omentum.pacs.address import parse_address
from omentum.pacs.dicom_json import RemoteSeries
from omentum.pacs.dicomweb import DicomWebClient
from omentum.pacs.options import DicomWebOptions
from omentum.pacs.pull import choose_series, pulled
from omentum.progress import SilentProgress

STUDY = "1.2.3"
TOKEN = "a-secret-token"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(dicomweb, "PAUSE_S", 0.0)
    with serving_dicomweb() as site:
        yield site


@pytest.fixture
def series(tmp_path):
    files = write_stack(tmp_path / "a", np.zeros((4, 5, 3)), StudyInstanceUID=STUDY)
    return RemoteSeries(str(dcmread(files[0]).SeriesInstanceUID), 3, "CT", 3), files


def listed(*several):
    rows = [
        {
            "0020000E": {"vr": "UI", "Value": [one.uid]},
            "00080060": {"vr": "CS", "Value": [one.modality]},
            "00200011": {"vr": "IS", "Value": [one.number]},
            "00201209": {"vr": "IS", "Value": [one.images]},
        }
        for one in several
    ]
    return gives(json.dumps(rows).encode(), "application/dicom+json")


def retrieve(server, series, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    with DicomWebClient(parse_address(f"{server.address}/studies/{STUDY}")) as client:
        return client.retrieve(series, folder)


def test_a_series_comes_and_goes(server, series, monkeypatch, tmp_path):
    one, files = series
    monkeypatch.setenv("OMENTUM_DICOMWEB_TOKEN", TOKEN)
    server.lists, server.images = listed(one, RemoteSeries("1.9", 4, "SR", 1)), of_files(files)
    with pulled([f"{server.address}/studies/{STUDY}", "x.nii"], DicomWebOptions(), SilentProgress()) as found:
        folder, other = found.paths
        assert str(other) == "x.nii"
        assert sorted(p.read_bytes() for p in folder.iterdir()) == sorted(p.read_bytes() for p in files)
        assert folder.parent.stat().st_mode & 0o077 == 0
        assert one.uid not in str(folder)
    assert not folder.parent.exists()
    assert {headers["Authorization"] for _, _, headers in server.asked} == {f"Bearer {TOKEN}"}
    assert TOKEN not in "".join(path for _, path, _ in server.asked)


BAD = {
    "wrong type": (lambda _: gives(b"<html>", "text/html"), "answers with text/html, expected multipart/related"),
    "no boundary": (lambda _: gives(b"", "multipart/related"), "no valid boundary"),
    "not there": (lambda _: gives(b"", "text/plain", 404), "answers 404"),
    "no right": (lambda _: gives(b"", "text/plain", 401), "--token-file"),
    "no dicom": (lambda _: gives(body(b"x" * 500), TYPE), "sends a file that is not DICOM"),
    "wrong part": (lambda _: gives(body(b"{}", content_type="text/json"), TYPE), "a part of type text/json"),
    "less than told": (lambda f: gives(body(f[0].read_bytes()), TYPE), "sent 1 of 3 images"),
    "nothing": (lambda _: gives(body(), TYPE), "sent 0 of 3 images"),
    "no last boundary": (lambda f: gives(body(*(x.read_bytes() for x in f), end=False), TYPE), "ends in the middle"),
    "longer than told": (lambda f: gives(body(f[0].read_bytes()), TYPE, Content_Length="300"), "ends in the middle"),
    "shorter than told": (
        lambda f: gives(body(*(x.read_bytes() for x in f)), TYPE, Content_Length="9999999"),
        "sends less or more than it announced",
    ),
    "compressed": (lambda _: gives(b"\x1f\x8b", TYPE, Content_Encoding="gzip"), "compressed content"),
    "to a file": (lambda _: gives(b"", TYPE, 302, Location="file:///etc/passwd"), "which is not followed"),
    "elsewhere": (lambda _: gives(b"", TYPE, 307, Location="http://192.0.2.1/"), "which is not followed"),
    "busy": (lambda _: gives(b"", TYPE, 503), "answers 503"),
    "damaged status": (lambda _: lambda handler: handler.wfile.write(b"HTTP/1.1 lots\r\n\r\n"), "broke off"),
    "hangs up": (lambda _: lambda handler: None, "broke off"),
}


@pytest.mark.parametrize(("answer", "said"), BAD.values(), ids=list(BAD))
def test_a_bad_answer_is_one_line_without_uids(server, series, tmp_path, answer, said):
    one, files = series
    server.images = answer(files)
    with pytest.raises(InputError) as fault:
        retrieve(server, one, tmp_path)
    assert said in str(fault.value)
    assert str(fault.value).startswith(server.address)
    assert one.uid not in str(fault.value)
    assert STUDY not in str(fault.value)


def test_images_of_another_series_are_refused(server, series, tmp_path):
    _, files = series
    server.images = of_files(files)
    with pytest.raises(InputError, match="of another series"):
        retrieve(server, RemoteSeries("1.9.9", 1, "CT", 3), tmp_path)


@pytest.mark.parametrize("start", [body(b"", end=False), b"no part at all"])
def test_endless_data_is_counted(server, series, tmp_path, monkeypatch, start):
    monkeypatch.setattr(dicomweb, "MOST_BYTES", 2**20)
    server.images = endless(start)
    with pytest.raises(InputError, match="sends more than 1048576 bytes"):
        retrieve(server, series[0], tmp_path)


def test_an_endless_image_and_too_many_images(server, series, tmp_path, monkeypatch):
    one, files = series
    monkeypatch.setattr(dicomweb, "MOST_FILE_BYTES", 2**20)
    server.images = endless(body(b"", end=False))
    with pytest.raises(InputError, match="an image of more than"):
        retrieve(server, one, tmp_path)
    shutil.rmtree(tmp_path / "in")
    monkeypatch.setattr(dicomweb, "MOST_IMAGES", 2)
    server.images = of_files(files)
    with pytest.raises(InputError, match="more than 2 images"):
        retrieve(server, one, tmp_path)


def test_a_drip_is_given_up(server, series, tmp_path, monkeypatch):
    monkeypatch.setattr(dicomweb, "PATIENCE_S", -1.0)
    monkeypatch.setattr(dicomweb, "LEAST_RATE", 1e15)
    server.images = endless(body(b"", end=False))
    with pytest.raises(InputError, match="bytes a second"):
        retrieve(server, series[0], tmp_path)


def test_a_server_that_recovers(server, series, tmp_path):
    one, files = series
    answers = [gives(b"", TYPE, 503), gives(body(files[0].read_bytes()), TYPE, Content_Length="9999"), of_files(files)]
    server.images = lambda handler: answers.pop(0)(handler)
    assert retrieve(server, one, tmp_path) == 3
    assert len(list((tmp_path / "in").iterdir())) == 3


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (b"<html>", "text/html", "expected application/dicom"),
        (b"{", "application/dicom+json", "JSON that is damaged"),
        (b"[" * 100_000, "application/dicom+json", "JSON that is damaged"),
        (b"{}", "application/dicom+json", "lists no series"),
        (b"[1]", "application/dicom+json", "not DICOM JSON"),
        (b'[{"0020000E": {"Value": ["../../etc/passwd"]}}]', "application/dicom+json", "not DICOM JSON"),
        (b'[{"0020000E": {"Value": [7]}}]', "application/json", "not DICOM JSON"),
        (b"[]", "application/dicom+json", "no such study or series"),
    ],
)
def test_a_bad_list(server, text, kind, said):
    server.lists = gives(text, kind)
    with (
        pytest.raises(InputError, match=said),
        pulled([f"{server.address}/studies/{STUDY}"], DicomWebOptions(), SilentProgress()),
    ):
        pass


def test_a_list_without_end(server, monkeypatch):
    monkeypatch.setattr(dicomweb, "MOST_JSON_BYTES", 2**20)
    server.lists = endless(b"[", "application/dicom+json")
    with (
        DicomWebClient(parse_address(f"{server.address}/studies/{STUDY}")) as client,
        pytest.raises(InputError, match="sends more than"),
    ):
        client.list_series()


def test_the_choice_among_series():
    ct, scout = RemoteSeries("1.1", 2, "CT", 90), RemoteSeries("1.2", 1, "CT", 1)
    assert choose_series([scout, ct, RemoteSeries("1.3", 3, "MR", 50)], "x") is ct
    assert choose_series([scout], "x") is scout
    with pytest.raises(InputError, match=r"2 CT series: series 2 \[\w{8}\] \(CT, 90 images\), series 4 .*--series"):
        choose_series([ct, RemoteSeries("1.4", 4, "CT", 80)], "x")
    with pytest.raises(InputError, match=r"holds no CT series: series 3 \[\w{8}\] \(MR, 50 images\)"):
        choose_series([RemoteSeries("1.3", 3, "MR", 50)], "x")


def test_a_series_is_chosen_by_its_number_or_the_code_that_a_folder_would_show(tmp_path):
    paths = [write_stack(tmp_path / name, np.zeros((4, 5, 3))) for name in ("a", "b")]
    one, other = (RemoteSeries(str(dcmread(files[0]).SeriesInstanceUID), 3, "CT", 3) for files in paths)
    with pytest.raises(InputError, match=r"2 series: .*--series CODE") as fault:
        read_series(tmp_path)
    codes = re.findall(r"series 3 \[(\w{8})\]", str(fault.value))
    found = [one, other, RemoteSeries("1.5", 5, "CT", 1), RemoteSeries("1.6", 3, "SR", 1)]
    assert {choose_series(found, "x", code.upper()).uid for code in codes} == {one.uid, other.uid}
    assert choose_series(found, "x", "5").uid == "1.5"
    assert choose_series([other, found[-1]], "x", "3") is other
    assert choose_series([one], "x", "0a1b2c3d") is one  # may be the code of a phase
    for wanted, said in (("3", "series 3 is ambiguous, 2 are called so"), ("9", "has no series 9: series 3")):
        with pytest.raises(InputError, match=said):
            choose_series(found, "x", wanted)
    with pytest.raises(InputError, match="series 3 is of modality SR, expected CT"):
        choose_series([found[-1]], "x", "3")


def test_nobody_there():
    with (
        DicomWebClient(parse_address(f"dicomweb://127.0.0.1:{free_port()}/studies/{STUDY}")) as client,
        pytest.raises(InputError, match="cannot be reached"),
    ):
        client.list_series()


def test_a_certificate_of_nobody(server, tmp_path):
    import ssl
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    making = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem"
    subprocess.run(["openssl", *making.split()], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    secure = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    secure.handle_error = lambda *_: None
    thread = threading.Thread(target=secure.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        address = parse_address(f"dicomwebs://127.0.0.1:{secure.server_port}/studies/{STUDY}")
        with DicomWebClient(address, TOKEN) as client, pytest.raises(InputError) as fault:
            client.list_series()
    finally:
        secure.shutdown()
        secure.server_close()
        thread.join()
    assert "certificate verify failed" in str(fault.value).lower()
    assert TOKEN not in str(fault.value)


def test_a_token_is_not_sent_in_the_clear():
    with pytest.raises(UsageError, match="dicomwebs://"):
        DicomWebClient(parse_address(f"dicomweb://pacs.example/studies/{STUDY}"), TOKEN)


def test_results_that_are_refused(server, series, tmp_path):
    _, files = series
    refused = {"00081198": {"vr": "SQ", "Value": [{}, {}]}}
    with DicomWebClient(parse_address(f"{server.address}/studies/{STUDY}")) as client:
        client.store(files)
        for status in (200, 409):
            server.stores = gives(json.dumps(refused).encode(), "application/dicom+json", status)
            with pytest.raises(OutputError, match="2 of 3 files"):
                client.store(files)
        server.stores = gives(b"", "text/html", 302, Location="http://192.0.2.1/")
        with pytest.raises(OutputError, match="status 302"):
            client.store(files)
        server.stores = lambda handler: None
        with pytest.raises(OutputError, match="results not stored"):
            client.store(files)
    assert {path for method, path, _ in server.asked if method == "POST"} == {f"/dicom-web/studies/{STUDY}"}
