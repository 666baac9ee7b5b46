"""Uploads: streamed, counted, limited, deleted."""

import hashlib
import shutil
from types import SimpleNamespace

import pytest
from serving import serving, submitted, uploaded

from omentum.serve.documents import FileDocument
from omentum.serve.faults import ServiceError
from omentum.serve.state.folders import check_file_name


def test_a_file_comes_as_it_was_sent(tmp_path):
    content = bytes(range(256)) * 5000
    with serving(tmp_path / "state") as client:
        upload = client.post("/uploads").json()["id"]
        parts = (content[start : start + 70_000] for start in range(0, len(content), 70_000))
        answer = client.put(f"/uploads/{upload}/files/Scan ü (1).nii.gz", content=parts)
        about = {"name": "Scan ü (1).nii.gz", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        assert answer.json() == about
        assert (tmp_path / "state" / "uploads" / upload / "Scan ü (1).nii.gz").read_bytes() == content
        client.put(f"/uploads/{upload}/files/Scan ü (1).nii.gz", content=b"again")
        found = client.get(f"/uploads/{upload}").json()
        assert (found["bytes"], len(found["files"])) == (5, 1)
        assert client.delete(f"/uploads/{upload}").json() == {"deleted": ["input/Scan ü (1).nii.gz"], "bytes": 5}
        assert not list((tmp_path / "state" / "uploads").iterdir())
        assert not any("Scan" in line for line in client.said)


def test_limits_of_an_upload(tmp_path):
    with serving(tmp_path / "state", upload_gb=100e-9, files=2) as client:
        upload = uploaded(client, a=b"x" * 60)
        put = lambda name, size: client.put(f"/uploads/{upload}/files/{name}", content=b"x" * size)  # noqa: E731
        assert put("b", 41).json()["error"] == "too_large"
        assert put("a", 100).status_code == 200  # replaces the first
        assert put("a", 60).status_code == put("b", 40).status_code == 200
        assert put("c", 0).json()["error"] == "too_many_files"
        submitted(client, upload)
        assert put("b", 1).json()["error"] == "in_use"
        assert client.post("/jobs", json={"upload": client.post("/uploads").json()["id"]}).json()["error"] == "empty"


def test_quota_and_a_full_disk(tmp_path, monkeypatch):
    with serving(tmp_path / "state", upload_gb=100e-9, quota_gb=100e-9) as client:
        first = uploaded(client, a=b"x" * 80)
        second = client.post("/uploads").json()["id"]
        answer = client.put(f"/uploads/{second}/files/b", content=b"x" * 30)
        assert (answer.status_code, answer.json()["error"]) == (507, "no_room")
        client.delete(f"/uploads/{first}")
        assert client.put(f"/uploads/{second}/files/b", content=b"x" * 30).status_code == 200
        assert client.service.uploads.used_bytes() == 30
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))
    with serving(tmp_path / "other") as client:
        upload = client.post("/uploads").json()["id"]
        answer = client.put(f"/uploads/{upload}/files/b", content=b"x", headers={"Content-Length": "100000000"})
        assert (answer.status_code, answer.json()["reason"]) == (507, "the disk is full")


def test_only_so_many_bodies_at_a_time(tmp_path):
    with serving(tmp_path / "state", open_uploads=1) as client:
        upload = client.post("/uploads").json()["id"]
        with client.service.uploads.slot():
            answer = client.put(f"/uploads/{upload}/files/a", content=b"x")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert client.put(f"/uploads/{upload}/files/a", content=b"x").status_code == 200


@pytest.mark.parametrize("name", ["0001", "IM-0001 (2).dcm", "čt.nii.gz", "a" * 180])
def test_usual_names_are_taken(name):
    assert check_file_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", "C:x", "aux.nii", "COM1", "a\n", " a", "a.", "ü" * 91, "\udcff"]
)
def test_names_that_could_lead_elsewhere_are_refused(name):
    with pytest.raises(ServiceError):
        check_file_name(name)


def test_a_file_that_comes_after_the_job_was_queued_changes_nothing(tmp_path):
    with serving(tmp_path / "state", upload_gb=100e-9) as client:
        upload = uploaded(client, a=b"first")
        about = FileDocument(name="a", bytes=5, sha256="")
        with client.service.uploads.receiving(upload, "a", None) as (place, _):
            place.write_bytes(b"other")
            submitted(client, upload)
            with pytest.raises(ServiceError, match="a job uses"):
                client.service.uploads.add(upload, about, place)
        folder = tmp_path / "state" / "uploads" / upload
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": b"first"}


def test_bodies_at_the_same_time_share_the_limits(tmp_path):
    with serving(tmp_path / "state", upload_gb=100e-9) as client:
        uploads, upload = client.service.uploads, client.post("/uploads").json()["id"]
        with uploads.receiving(upload, "a", 60) as (first, _), uploads.receiving(upload, "b", 60) as (second, _):
            for place in (first, second):
                place.write_bytes(b"x" * 60)
            uploads.add(upload, FileDocument(name="a", bytes=60, sha256=""), first)
            with pytest.raises(ServiceError, match="at most 100 bytes"):
                uploads.add(upload, FileDocument(name="b", bytes=60, sha256=""), second)
        assert [file.name for file in uploads.get(upload).files] == ["a"]
        with uploads.receiving(upload, "b", None) as (place, _):
            shutil.rmtree(place.parent)
            client.delete(f"/uploads/{upload}")
        assert client.put(f"/uploads/{upload}/files/b", content=b"x").status_code == 404


def test_names_of_deleted_files_do_not_stay_in_the_database(tmp_path):
    with serving(tmp_path / "state") as client:
        held = lambda: b"".join(p.read_bytes() for p in (tmp_path / "state").iterdir() if p.is_file())  # noqa: E731
        kept, upload = uploaded(client, kept=b"x"), uploaded(client, **{"Doe^Jane": b"x"})
        assert b"Doe^Jane" in held()
        client.delete(f"/uploads/{upload}")
        assert b"Doe^Jane" not in held()
        assert client.get(f"/uploads/{kept}").status_code == 200
