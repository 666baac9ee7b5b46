"""Jobs through the interface: queued, followed, cancelled, failed, fetched, deleted."""

import threading

import pytest
from serving import WAIT_S, failing, followed, serving, submitted, uploaded


def test_from_an_upload_to_its_results(tmp_path):
    with serving(tmp_path / "state") as client:
        upload = uploaded(client, ct__nii__gz=b"0123456789")
        job = submitted(client, upload, classes=["liver"])
        done = followed(client, job)
        assert (done["state"], done["error"], done["input"]) == ("done", None, {"files": 1, "bytes": 10})
        assert done["results"] == ["masks/liver.nii.gz", "segmentation.nii.gz"]
        assert done["options"]["classes"] == ["liver"]
        assert done["options"]["profile"] == "exact"
        assert client.get(f"/jobs/{job}").json() == done
        listed = client.get(f"/jobs/{job}/results").json()
        assert listed[1] == {"name": "segmentation.nii.gz", "media_type": "application/gzip", "bytes": 6}
        file = client.get(f"/jobs/{job}/results/masks/liver.nii.gz")
        assert (file.status_code, file.content) == (200, b"a mask")
        assert file.headers["content-disposition"].startswith('attachment; filename="masks_liver.nii.gz"')
        assert [one["id"] for one in client.get("/jobs").json()] == [job]

        gone = client.delete(f"/jobs/{job}").json()
        assert gone["deleted"] == [
            "results/masks/liver.nii.gz",
            "results/segmentation.nii.gz",
            "input/ct.nii.gz",
        ]
        assert gone["bytes"] == 6 + 6 + 10
        assert client.get(f"/jobs/{job}").status_code == client.get(f"/uploads/{upload}").status_code == 404
        assert not any(path.is_file() for path in (tmp_path / "state" / "jobs").rglob("*"))


def test_a_failed_job_says_why(tmp_path):
    with serving(tmp_path / "state", failing) as client:
        done = followed(client, submitted(client))
        assert done["state"] == "failed"
        assert done["error"] == {
            "error": "input",
            "file": "ct.nii.gz",
            "reason": "is damaged",
            "remedy": "copy it again",
        }
        assert done["results"] == []


def test_a_full_queue_and_places_in_it(tmp_path):
    begun, go_on = threading.Event(), threading.Event()

    def slow(job, folder):
        begun.set()
        assert go_on.wait(WAIT_S)

    with serving(tmp_path / "state", slow, queue=2) as client:
        upload = uploaded(client)
        first = submitted(client, upload)
        assert begun.wait(WAIT_S)
        second, third = submitted(client, upload), submitted(client, upload)
        answer = client.post("/jobs", json={"upload": upload})
        assert (answer.status_code, answer.json()["error"], answer.headers["retry-after"]) == (429, "queue_full", "30")
        assert [client.get(f"/jobs/{job}").json()["position"] for job in (first, second, third)] == [None, 1, 2]
        assert client.delete(f"/jobs/{first}").json()["error"] == "running"
        assert client.delete(f"/uploads/{upload}").json()["error"] == "in_use"
        assert client.post(f"/jobs/{second}/cancel").json()["state"] == "cancelled"
        assert client.get(f"/jobs/{third}").json()["position"] == 1
        client.post(f"/jobs/{first}/cancel")
        go_on.set()
        assert followed(client, first)["state"] == "cancelled"
        assert followed(client, third)["state"] == "done"
        assert client.post(f"/jobs/{third}/cancel").json()["state"] == "done"
        assert followed(client, second)["state"] == "cancelled"
        assert client.delete(f"/jobs/{first}").json()["bytes"] == 0  # the input is needed by the others
        assert client.get(f"/uploads/{upload}").status_code == 200
        assert client.runner.seen == [first, third]


@pytest.mark.parametrize(
    ("words", "reason", "remedy"),
    [
        (["liver", "hull plate"], "unknown structure 'hull plate'", "omentum classes"),
        (["leber", "right kidney"], "the weights do not know right_kidney", "they know liver"),
        ([], "no class was asked for", "leave the classes out"),
    ],
)
def test_words_that_would_fail_the_job_are_refused_before_it_waits(tmp_path, words, reason, remedy):
    with serving(tmp_path / "state") as client:
        upload = uploaded(client)
        answer = client.post("/jobs", json={"upload": upload, "classes": words})
        assert answer.status_code == 422
        assert answer.json()["reason"].startswith(reason)
        assert remedy in answer.json()["remedy"]
        assert client.get("/jobs").json() == []
        assert submitted(client, upload, classes=["Leber", "all organs"])


def test_our_own_fault_ends_one_job_only(tmp_path):
    def broken(job, folder):
        if job.number == 1:
            raise ZeroDivisionError("secret value")

    with serving(tmp_path / "state", broken) as client:
        done = followed(client, submitted(client))
        assert (done["state"], done["error"]["error"]) == ("failed", "internal")
        assert "secret" not in str(done) + str(client.said)
        assert any("ZeroDivisionError" in line for line in client.said)
        assert followed(client, submitted(client))["state"] == "done"


def test_figures_name_nothing(tmp_path):
    with serving(tmp_path / "state") as client:
        job = submitted(client)
        followed(client, job)
        text = client.get("/metrics").text
        assert 'omentum_jobs{state="done"} 1.0' in text
        assert 'omentum_requests_total{method="POST",route="/jobs",status="202"} 1.0' in text
        assert "omentum_job_seconds_count 1.0" in text
        assert job not in text
        assert "ct.nii.gz" not in text + str(client.said)
