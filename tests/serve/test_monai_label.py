"""Requests as MONAI Label's module for 3D Slicer sends them, and answers as it takes them apart."""

import json
import socket
from contextlib import suppress
from dataclasses import replace
from email import message_from_bytes

import numpy as np
import pytest
from banded_phantom import banded_ct, ras_grid, rotated, stored
from case_files import SPEC, put_ct
from forms import form, params_part
from service_over_http import at_a_port, segmenting_service
from serving import TOKEN, failing, followed, serving
from threshold_model import BANDS_HU

from omentum.io.dicom.write import write_series
from omentum.io.dicom_masks.read import read_dicom_masks
from omentum.io.images import read_image
from omentum.io.nifti import read_volume
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.serve.web.receiving import SlowestPace

GRID = rotated(stored(ras_grid(), (2, 0, 1), (True, False, True)), 10)
AXIAL = stored(ras_grid((4.0, 4.0, 4.0)), (0, 1, 2), (True, True, False))
"""As scanners write slices."""


def inferred(client, query, *more, **params):
    return client.post(f"/infer/default?{query}", **form(params_part(result_dtype="uint8", **params), *more))


def taken_apart(answer):
    """Parameters, file name and content."""
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    first, second = message_from_bytes(head + answer.content).get_payload()
    assert first.get_param("name", header="content-disposition") == "params"
    return json.loads(first.get_payload(decode=True)), second.get_filename(), second.get_payload(decode=True)


@pytest.fixture
def client(tmp_path):
    with segmenting_service(tmp_path / "state", SPEC) as client:
        yield client


def test_a_session_is_segmented_on_its_own_grid(client, tmp_path):
    put_ct(tmp_path / "ct.nii.gz", GRID)
    content = (tmp_path / "ct.nii.gz").read_bytes()
    session = client.put(
        "/session/", **form(("client_id", None, b"user-1"), ("files", "DOE_JOHN.nii.gz", content))
    ).json()
    assert session["session_info"]["image"] == "000001.nii.gz"
    name = session["session_id"]
    assert client.get(f"/session/{name}").json() == session["session_info"]
    assert client.get(f"/session/{name}?image=true").content == content
    truth = read_volume(tmp_path / "ct.nii.gz")
    for extension, read in ((".nrrd", read_image), (".nii.gz", read_volume)):
        query = f"image=DOE_JOHN&session_id={name}"
        told, filename, labels = taken_apart(
            inferred(client, query, classes="all", profile="exact", result_extension=extension)
        )
        assert filename == f"result{extension}"
        (tmp_path / filename).write_bytes(labels)
        found = read(tmp_path / filename)
        np.testing.assert_allclose(found.affine, truth.affine, atol=1e-4)
        assert told["label_names"] == {"liver": 1, "left kidney": 2, "right kidney": 3, "liver tumour": 4}
        assert sorted(np.unique(found.voxels)) == [0, 1, 2, 3, 4]
        for number, key in enumerate(BANDS_HU, 1):  # left is left: each value lies where the CT has the HU of its class
            low, high = BANDS_HU[key]
            assert low < np.median(truth.voxels[found.voxels == number]) < high
    assert len(client.runner.seen) == 1  # the second answer is that of the same job
    _, filename, masks = taken_apart(inferred(client, f"session_id={name}", result_extension=".seg.nrrd"))
    (tmp_path / filename).write_bytes(masks)
    assert set(read_seg_nrrd(tmp_path / filename).classes) >= set(BANDS_HU)
    only = inferred(client, f"session_id={name}&output=json", result_extension=".nrrd", classes=["all"]).json()
    assert only["label_names"]["liver"] == 1
    assert client.delete(f"/session/{name}").json() == session["session_info"]
    assert client.get(f"/session/{name}").status_code == 404
    assert not any("DOE" in str(path) for path in (tmp_path / "state").rglob("*"))


def test_a_file_in_the_request_is_gone_afterwards(client, tmp_path):
    put_ct(tmp_path / "ct.nii.gz")
    file = ("file", "scan.nii.gz", (tmp_path / "ct.nii.gz").read_bytes())
    answer = inferred(client, "image=scan&output=image", file, classes="Leber", result_extension=".nii.gz")
    assert answer.headers["content-disposition"] == 'attachment; filename="result.nii.gz"'
    assert client.service.jobs.all() == []
    assert list((tmp_path / "state/uploads").iterdir()) == []


def series_session(client, folder, ct):
    """A session of a DICOM series."""
    write_series(folder, ct, "{:03}.dcm".format, series="a")
    slices = [("files", path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    return client.put("/session/", **form(*slices)).json()["session_id"]


def test_a_dicom_series_is_answered_as_a_dicom_segmentation(client, tmp_path):
    session = series_session(client, tmp_path / "series", banded_ct(AXIAL))
    label_info = [{"name": "liver", "model_name": "default"}]  # the viewer OHIF sends it; our own codes are written
    query = f"image=x&session_id={session}&output=dicom_seg"
    answer = inferred(client, query, label_info=label_info, result_extension=".nrrd")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/dicom"
    assert answer.headers["content-disposition"] == 'attachment; filename="segmentation.dcm"'
    (tmp_path / "seg.dcm").write_bytes(answer.content)
    assert set(read_dicom_masks(tmp_path / "seg.dcm").classes) == set(BANDS_HU)
    assert inferred(client, f"session_id={session}&output=json").status_code == 200
    assert len(client.runner.seen) == 1  # the label map is that of the same job


@pytest.mark.filterwarnings("ignore:no structure was found")
def test_nothing_found_is_no_dicom_segmentation(client, tmp_path):
    ct = banded_ct(AXIAL)
    session = series_session(client, tmp_path / "series", replace(ct, voxels=np.where(ct.voxels > 0, 0, ct.voxels)))
    answer = inferred(client, f"session_id={session}&output=dicom_seg")
    assert (answer.status_code, answer.json()["error"]) == (422, "nothing_found")


def test_a_dicom_segmentation_needs_a_dicom_series(client, tmp_path):
    put_ct(tmp_path / "ct.nii.gz")
    file = ("file", "scan.nii.gz", (tmp_path / "ct.nii.gz").read_bytes())
    answer = inferred(client, "image=scan&output=dicom_seg", file)
    assert answer.status_code == 422
    assert "was not read from DICOM" in answer.json()["reason"]
    assert "DICOM series" in answer.json()["remedy"]


def test_what_the_module_asks_first(tmp_path):
    with serving(tmp_path / "state", token=TOKEN) as client:
        headers = {"authorization": ""}
        assert client.get("/auth/", headers=headers).json() == {"enabled": True}
        login = {"content": f"username=x&password={TOKEN}&grant_type=password", "headers": headers}
        token = client.post("/auth/token", **login).json()
        assert token == {"access_token": TOKEN, "token_type": "bearer"}
        assert client.post("/auth/token", content="password=guess", headers=headers).status_code == 401
        bearer = {"authorization": f"bearer {TOKEN}"}
        assert client.get("/auth/token/valid", headers=bearer).status_code == 200
        for address in ("/info/", "/auth/token/valid", "/datastore/", "/session/x"):
            assert client.get(address, headers=headers).status_code == 401
        info = client.get("/info/", headers=bearer).json()
        assert not info["config"]
        model = info["models"]["default"]
        assert (model["type"], model["labels"]) == ("segmentation", {"liver": 1})
        assert model["config"]["profile"][0] == "exact"
        assert client.get("/datastore/?output=all").json()["objects"] == {}


@pytest.mark.parametrize(
    ("parts", "query", "status", "says"),
    [
        ([], "session_id=" + "a" * 26, 404, "no such upload"),
        ([], "image=DOE_JOHN", 404, "no such session or image"),
        ([], "", 404, "no such session or image"),
        ([("params", None, b"[1]")], "session_id=x", 422, "params is not a JSON object"),
        ([("params", None, b"{")], "session_id=x", 422, "params is not JSON"),
        ([("params", None, b"[" * 100_000)], "session_id=x", 422, "params is not JSON"),
        ([("params", None, b'{"result_extension": ".exe"}')], "session_id=" + "a" * 26, 422, "no result_extension"),
        ([("params", None, b'{"classes": 3}')], "session_id=" + "a" * 26, 422, "classes"),
        ([("params", None, b"x" * 300_000)], "session_id=x", 413, "a field has at most"),
        ([("label", "scribbles.nii.gz", b"x")], "session_id=x", 422, "labels are not used"),
        ([], "session_id=x&output=original_ext", 422, "no output 'original_ext'"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_answered(tmp_path, parts, query, status, says):
    with serving(tmp_path / "state") as client:
        answer = client.post(f"/infer/default?{query}", **form(*parts))
        assert (answer.status_code, answer.json()["reason"][: len(says)]) == (status, says)


@pytest.mark.parametrize(
    ("method", "address", "status", "remedy"),
    [
        ("GET", "/train/?check_if_running=true", 404, "omentum train"),
        ("POST", "/train/default", 501, "omentum train"),
        ("POST", "/train/", 501, "omentum extend"),
        ("DELETE", "/train/", 501, "omentum train"),
        ("POST", "/activelearning/random", 501, "omentum annotate propose"),
        ("POST", "/batch/infer/default", 501, "omentum segment"),
        ("GET", "/batch/infer", 404, "omentum segment"),
        ("POST", "/scoring/dice", 501, "omentum evaluate"),
        ("PUT", "/model/default", 501, "omentum serve -w"),
        ("GET", "/logs/?lines=100", 404, "standard error"),
        ("GET", "/datastore/dataset", 404, "output=all"),
    ],
)
def test_what_other_commands_do_is_answered_with_them(tmp_path, method, address, status, remedy):
    with serving(tmp_path / "state", token=TOKEN) as client:
        asked = {} if method == "GET" else {"json": {"client_id": "user-xyz"}}
        answer = client.request(method, address, **asked)
        assert answer.status_code == status
        assert answer.json()["reason"]
        assert remedy in answer.json()["remedy"]
        assert client.request(method, address, headers={"authorization": ""}).status_code == 401


def test_forms_that_are_none_and_jobs_that_fail(tmp_path):
    with serving(tmp_path / "state", failing) as client:
        assert client.put("/session/", content=b"x").status_code == 415
        odd = {"content-type": "multipart/form-data; boundary=" + "x" * 5000}
        assert client.put("/session/", headers=odd, content=b"x").json()["error"] == "bad_form"
        whole = form(("files", "a.nii.gz", b"0123456789"))
        cut = client.put("/session/", headers=whole["headers"], content=whole["content"][:-30])
        assert (cut.status_code, cut.json()["error"]) == (400, "bad_form")
        assert client.put("/session/", **form(("client_id", None, b"x"))).json()["error"] == "no_file"
        assert list((tmp_path / "state/uploads").iterdir()) == []
        series = form(*[("files", f"DOE/{n}.dcm", b"slice") for n in range(3)])
        session = client.put("/session/", **series).json()["session_id"]
        stored_names = [file.name for file in client.service.uploads.get(session).files]
        assert stored_names == ["000001.dcm", "000002.dcm", "000003.dcm"]
        failed = inferred(client, f"session_id={session}")
        assert (failed.status_code, failed.json()["reason"]) == (422, "is damaged")
        assert client.get(f"/session/{session}?image=1").status_code == 409


def test_a_form_is_let_go_when_it_comes_too_slowly_whatever_is_in_it(tmp_path):
    with serving(tmp_path / "state", pace=SlowestPace(whole_s=0.0)) as client:
        answer = client.put("/session/", **form(("client_id", None, b"x")))
        assert (answer.status_code, answer.json()["error"]) == (408, "too_slow")


def test_a_client_that_leaves_cancels_its_job(tmp_path):
    with serving(tmp_path / "state") as client, at_a_port(client) as address:
        client.runner.compute = lambda *_: client.runner.cancelled.wait()
        session = client.put("/session/", **form(("files", "ct.nii.gz", b"a CT"))).json()["session_id"]
        sent = form(("params", None, b"{}"))
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            head = f"POST /infer/default?session_id={session} HTTP/1.1\r\nHost: {host}\r\n"
            head += f"Content-Type: {sent['headers']['content-type']}\r\nContent-Length: {len(sent['content'])}\r\n\r\n"
            connection.sendall(head.encode() + sent["content"])
            while not client.service.jobs.all():
                connection.settimeout(0.01)
                with suppress(TimeoutError):
                    connection.recv(1)
        (job,) = client.service.jobs.all()
        assert followed(client, job.id)["state"] == "cancelled"
