"""Images and labels of the store, noted and deleted as clients of MONAI Label ask for it."""

import json

import numpy as np
import pytest
from case_files import SPEC
from forms import form, params_part
from service_over_http import segmenting_service
from serving import TOKEN, serving, submitted, uploaded
from slicer_module import Slicer

from omentum.serve.state.image_info import MOST_BYTES

REVIEW = {"segmentationMeta": {"status": "approved", "level": "hard", "approvedBy": "A", "comment": "", "editTime": 7}}
"""As the reviewer for 3D Slicer notes it."""
REVIEWED = {"params": json.dumps(REVIEW)}


@pytest.fixture
def client(tmp_path):
    with segmenting_service(tmp_path / "state", SPEC) as client:
        yield client


@pytest.fixture
def slicer(client, tmp_path):
    """A client whose image is segmented and corrected."""
    slicer = Slicer(client, tmp_path)
    labels = slicer.labels.copy()
    labels[:2, :2, :2] = slicer.numbers["liver"]
    assert slicer.changed(slicer.file(labels)) == {"liver": 8}
    return slicer


def sent_image(client):
    """The identifier of an image that is not segmented."""
    return client.put("/datastore/?image=CT", **form(params_part(), ("file", "a.nii.gz", b"a CT"))).json()["image"]


def test_a_deleted_image_takes_all_with_it(client, slicer):
    kept = uploaded(client)
    assert client.put(f"/datastore/image/info?image={slicer.image}", data={"info": '{"by": "A"}'}).status_code == 200
    for other in ("DOE^JOHN", "../..", "", "a" * 26, kept):  # neither names nor uploads of the page
        assert client.delete("/datastore/", params={"id": other}).status_code == 404
    answer = client.delete(f"/datastore/?id={slicer.image}")
    assert answer.status_code == 200
    assert {"input/000001.nii.gz", "corrections/0001_liver.nii.gz"} <= set(answer.json()["deleted"])
    assert answer.json()["bytes"] > 0
    assert client.service.jobs.all() == []
    assert client.service.uploads.all_ids() == {kept}
    assert list((client.service.folder.root / "jobs").iterdir()) == []
    assert client.service.image_info.get(slicer.image) == {}
    assert client.delete(f"/datastore/image?id={slicer.image}").status_code == 404


def test_deleted_corrections_leave_the_prediction(client, slicer):
    address = f"/datastore/label?id={slicer.image}&tag="
    client.put(f"/datastore/updatelabelinfo?label={slicer.image}&tag=final", data=REVIEWED)
    refused = client.delete(f"{address}original")
    assert (refused.status_code, refused.json()["remedy"][:28]) == (422, "DELETE /datastore/image?id=I")
    for tag in ("version_1", "../original", ""):
        assert client.delete(address + tag).status_code == 404
    assert client.delete(f"{address}final").json() == {
        "deleted": ["corrections/0001_liver.nii.gz", "corrections/corrections.json"]
    }
    assert client.delete(f"{address}final").status_code == 404
    assert client.get(f"/jobs/{slicer.job.id}/corrections").json() == {"corrections": []}
    assert client.head(f"/datastore/label?image={slicer.image}&tag=final").status_code == 404
    assert client.head(f"/datastore/label?image={slicer.image}&tag=original").status_code == 200
    assert slicer.changed(slicer.file(slicer.labels)) == {}  # the prediction counts again
    again = np.where(slicer.labels == slicer.numbers["left kidney"], 0, slicer.labels)
    assert set(slicer.changed(slicer.file(again))) == {"left_kidney"}
    assert client.get(f"/datastore/label/info?label={slicer.image}&tag=final").json().keys() == {"params"}
    assert client.get(f"/jobs/{slicer.job.id}/corrections/1.nii.gz").status_code == 200


def test_notes_are_shown_beside_what_the_service_says(client, slicer):
    of_image, of_label = f"image={slicer.image}", f"label={slicer.image}&tag=final"
    before = client.get(f"/datastore/image/info?{of_image}").json()
    noted = form(("info", None, b'{"by": "A", "name": "DOE"}'))
    assert client.put(f"/datastore/image/info?{of_image}", **noted).json() is None
    assert client.put(f"/datastore/image/info?{of_image}", data={"info": '{"level": 2}'}).status_code == 200
    assert client.get(f"/datastore/image/info?{of_image}").json() == {**before, "by": "A", "level": 2}
    assert client.put(f"/datastore/updatelabelinfo?{of_label}", data=REVIEWED).status_code == 200
    assert client.put(f"/datastore/label/info?{of_label}", data={"info": '{"params": 1}'}).status_code == 200
    told = client.get(f"/datastore/label/info?{of_label}").json()
    assert told["segmentationMeta"] == REVIEW["segmentationMeta"]
    assert told["params"]["label_names"]["liver"] == 1
    listed = client.get("/datastore/?output=all").json()["objects"][slicer.image]
    assert listed["image"]["info"]["by"] == "A"
    assert listed["labels"]["final"]["info"]["segmentationMeta"] == REVIEW["segmentationMeta"]
    assert listed["labels"]["original"]["info"] == {}
    checksum = before["checksum"]
    for said, status in ((checksum, 200), (checksum.removeprefix("SHA256:"), 200), ("SHA256:" + "0" * 64, 404)):
        assert client.head("/datastore/image", params={"image": slicer.image, "check_sum": said}).status_code == status


@pytest.mark.parametrize(
    ("info", "status", "says"),
    [
        ("[1]", 422, "info is not a JSON object"),
        ("{", 422, "info is not JSON"),
        ("[" * 20_000, 422, "info is not JSON"),
        ('{"a": ' + "[" * 20 + "]" * 20 + "}", 422, "info is nested in more than 20 levels"),
        ('{"a": NaN}', 422, "info holds a number"),
        ('{"a": 1e999}', 422, "info holds a number"),
        (r'{"a": "\ud800"}', 422, "info holds a number or a character"),
        (json.dumps({"a": "x" * MOST_BYTES}), 413, "the info of an image or label has at most 16384 bytes"),
        ("x" * 70_000, 413, "the body of this request has at most"),
    ],
)
def test_notes_that_are_none(tmp_path, info, status, says):
    with serving(tmp_path / "state") as client:
        image = sent_image(client)
        answer = client.put(f"/datastore/image/info?image={image}", data={"info": info})
        assert (answer.status_code, answer.json()["reason"][: len(says)]) == (status, says)
        assert client.service.image_info.get(image) == {}


def test_notes_do_not_grow_without_end(tmp_path):
    with serving(tmp_path / "state") as client:
        address = f"/datastore/image/info?image={sent_image(client)}"
        sent = [client.put(address, data={"info": json.dumps({str(n): "x" * 5000})}) for n in range(4)]
        assert [answer.status_code for answer in sent] == [200, 200, 200, 413]


def test_who_may_change_the_store(tmp_path):
    with serving(tmp_path / "state", token=TOKEN) as client:
        image = sent_image(client)
        changes = [
            ("DELETE", f"/datastore/?id={image}"),
            ("DELETE", f"/datastore/label?id={image}&tag=final"),
            ("PUT", f"/datastore/image/info?image={image}"),
            ("PUT", f"/datastore/updatelabelinfo?label={image}&tag=final"),
        ]
        for method, address in changes:
            assert client.request(method, address, headers={"authorization": ""}).status_code == 401
            assert client.request(method, address, headers={"origin": "http://evil.example"}).status_code == 403
        for method, address in changes[1::2]:  # no labels yet
            assert client.request(method, address).json()["error"] == "not_done"
        assert client.delete(f"/datastore/?id={image}").json()["deleted"] == ["input/000001.nii.gz"]


def test_an_image_that_is_being_segmented_is_not_deleted(tmp_path):
    with serving(tmp_path / "state") as client:
        client.runner.compute = lambda *_: client.runner.cancelled.wait()
        image = sent_image(client)
        job = submitted(client, image)
        while client.get(f"/jobs/{job}").json()["state"] != "running":
            pass
        refused = client.delete(f"/datastore/?id={image}")
        assert (refused.status_code, refused.json()["error"]) == (409, "running")
        assert client.service.uploads.all_ids() == {image}
        client.post(f"/jobs/{job}/cancel")
