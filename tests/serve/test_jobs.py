"""Jobs through the interface: queued, followed, cancelled, fetched, deleted."""

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime

import pytest
from serving import WAIT_S, failing, followed, serving, submitted, uploaded

from omentum.errors import OutputError
from omentum.serve.documents import JobRequest
from omentum.serve.state.clock import ClockWatch
from omentum.serve.state.database import Database
from omentum.serve.state.folders import DATABASE, LOCK, StateFolder
from omentum.serve.state.image_names import ImageNames
from omentum.serve.state.jobs import JobStore
from omentum.serve.work.runners import DeviceRunner


@pytest.fixture(scope="module")
def shared_job(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("shared") / "state") as client:
        job = submitted(client)
        followed(client, job)
        yield client, job


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


def test_what_ran_when_the_service_was_killed_begins_again_once(tmp_path):
    with serving(tmp_path / "state") as client:
        upload = uploaded(client)
        done = submitted(client, upload)
        followed(client, done)
    database = Database(tmp_path / "state" / DATABASE)
    store = JobStore(database, 10)
    waiting = [store.add(upload, JobRequest(upload=upload).model_dump(exclude={"upload"})).id for _ in range(3)]
    assert store.take().id == waiting[0]
    half = tmp_path / "state" / "jobs" / waiting[0] / "attempt-1"
    half.mkdir(parents=True)
    (tmp_path / "state" / "jobs" / "unknown").mkdir()
    with database.transaction() as rows:
        rows.execute("UPDATE job SET state = 'running', attempts = 2 WHERE id = ?", [waiting[2]])
    database.close()  # and no more: it was killed

    with serving(tmp_path / "state") as client:
        assert [followed(client, job)["state"] for job in waiting] == ["done", "done", "failed"]
        assert client.get(f"/jobs/{waiting[2]}").json()["error"]["error"] == "interrupted"
        assert client.runner.seen == waiting[:2]
        assert client.get(f"/jobs/{done}").json()["state"] == "done"
        assert not half.exists()
        assert not (tmp_path / "state" / "jobs" / "unknown").exists()


def test_a_cancelled_job_does_not_begin_again_when_the_service_is_killed_meanwhile(tmp_path):
    with serving(tmp_path / "state") as client:
        upload = uploaded(client)
    database = Database(tmp_path / "state" / DATABASE)
    store = JobStore(database, 10)
    job = store.add(upload, JobRequest(upload=upload).model_dump(exclude={"upload"})).id
    half = tmp_path / "state" / "jobs" / job / "attempt-1"
    half.mkdir(parents=True)
    assert store.take().id == job
    assert not store.cancel(job)
    database.close()  # and no more: it was killed

    with serving(tmp_path / "state") as client:
        assert followed(client, job)["state"] == "cancelled"
        assert client.runner.seen == []
        assert not half.exists()


def test_a_running_job_goes_back_to_its_place_when_the_service_ends(tmp_path):
    begun = threading.Event()

    def until_cancelled(job, folder):
        begun.set()
        assert runner[0].cancelled.wait(WAIT_S)

    runner = []
    with serving(tmp_path / "state", until_cancelled) as client:
        runner.append(client.runner)
        job = submitted(client)
        assert begun.wait(WAIT_S)
    assert client.said[-2:] == [
        f"job {job}: is back in the queue, because the service ends",
        "ended; jobs that wait for the next start: 1",
    ]
    with serving(tmp_path / "state") as client:
        assert followed(client, job)["state"] == "done"
        assert client.service.jobs.get(job).attempts == 1


def test_one_service_for_a_state_folder(tmp_path):
    with serving(tmp_path / "state"), pytest.raises(OutputError, match="another service"), serving(tmp_path / "state"):
        pass
    lock = tmp_path / "locked" / LOCK
    lock.mkdir(parents=True)  # cannot be opened for writing, like a file in a read-only folder
    lock.parent.chmod(0o700)
    with pytest.raises(OutputError, match="cannot be written"), serving(lock.parent):
        pass
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(OutputError, match="read by others"), serving(tmp_path / "open"):
        pass


def test_everything_is_deleted_after_its_time(tmp_path):
    with serving(tmp_path / "state", keep_hours=1) as client:
        job = submitted(client)
        done = followed(client, job)
        unused = uploaded(client)
        now = time.time()
        assert client.service.cleaner.sweep(now + 3500) == 0
        assert now + 3500 < datetime.fromisoformat(done["expires"]).timestamp() < now + 3700
        assert client.service.cleaner.sweep(now + 3700) == 2
        assert client.get(f"/jobs/{job}").status_code == client.get(f"/uploads/{unused}").status_code == 404
        assert client.service.uploads.used_bytes() == 0


def test_a_clock_that_is_set_neither_deletes_early_nor_keeps_for_ever(tmp_path):
    with serving(tmp_path / "state", keep_hours=1) as client:
        followed(client, submitted(client))
        began, (clock, running) = time.time(), ([time.time()], [0.0])
        watch = ClockWatch(client.service._database, client.said.append, lambda: clock[0], lambda: running[0])
        cleaner = replace(client.service.cleaner, clock=watch)

        def deleted_after(seconds, clock_at):
            running[0] += seconds
            clock[0] = clock_at
            return cleaner.sweep()

        assert deleted_after(60, began + 60) == 0
        assert deleted_after(60, began + 10_000_000) == 0
        assert "the clock was set forward by 9999880 s: the times of uploads and jobs move with it" in client.said
        assert deleted_after(60, began - 10_000_000) == 0
        assert deleted_after(3500, began - 10_000_000 + 3500) == 0
        assert deleted_after(200, began - 10_000_000 + 3700) == 1


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


def test_a_report_is_shown_in_a_sandbox(tmp_path):
    def report(job, folder):
        (folder / "report.html").write_text("<script>1</script>")

    with serving(tmp_path / "state", report) as client:
        job = submitted(client)
        followed(client, job)
        saved = client.get(f"/jobs/{job}/results/report.html")
        shown = client.get(f"/jobs/{job}/results/report.html?view=1")
        assert saved.headers["content-disposition"].startswith("attachment")
        assert shown.headers["content-disposition"].startswith("inline")
        assert shown.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=1-3", 206, b"abe"),
        ("bytes=-2", 206, b"ls"),
        ("bytes=4-", 206, b"ls"),
        ("bytes=0-1,3-4", 200, b"labels"),
        ("bytes=3-1", 200, b"labels"),
        ("bytes=-", 200, b"labels"),
        ("lines=1-2", 200, b"labels"),
        ("nonsense", 200, b"labels"),
        ("bytes=6-", 416, None),
        ("bytes=-0", 416, None),
    ],
)
def test_a_range_of_a_result(shared_job, asked, status, content):
    client, job = shared_job
    answer = client.get(f"/jobs/{job}/results/segmentation.nii.gz", headers={"Range": asked})
    assert answer.status_code == status
    if content is None:
        assert answer.json()["error"] == "range"
        assert answer.headers["content-range"] == "bytes */6"
    else:
        assert answer.content == content


def test_a_database_that_fails_for_a_while_stops_neither_the_queue_nor_the_deletion(tmp_path, monkeypatch):
    monkeypatch.setattr("omentum.serve.work.dispatch.AGAIN_S", 0.01)
    with serving(tmp_path / "state") as client:
        swept, end = threading.Event(), client.service.jobs.end
        faults = [sqlite3.OperationalError("database or disk is full")] * 2

        def full_for_a_while(*values):
            if faults:
                raise faults.pop()
            return end(*values)

        monkeypatch.setattr(client.service.jobs, "end", full_for_a_while)
        assert followed(client, submitted(client))["state"] == "done"
        assert not faults

        def broken_once(*_):
            if not swept.is_set():
                swept.set()
                raise sqlite3.OperationalError("disk I/O error")
            stop.set()

        stop = threading.Event()
        monkeypatch.setattr("omentum.serve.state.retention.SWEEP_EVERY_S", 0.01)
        monkeypatch.setattr(type(client.service.cleaner), "sweep", broken_once)
        client.service.cleaner.sweep_until(stop)
        assert any("nothing deleted" in line for line in client.said)


def test_a_commit_that_fails_leaves_the_database_usable(tmp_path):
    database = Database(tmp_path / DATABASE)
    insert = "INSERT INTO file (upload, name, bytes, sha256) VALUES ('none', 'a', 1, '')"

    def refused_at_the_end():
        with database.transaction() as rows:
            rows.execute("PRAGMA defer_foreign_keys = ON")
            rows.execute(insert)

    with pytest.raises(sqlite3.IntegrityError):
        refused_at_the_end()
    with database.transaction() as rows:
        assert rows.execute("SELECT count(*) FROM file").fetchone()[0] == 0
    database.close()


def test_a_correction_of_a_job_that_is_deleted_meanwhile_leaves_nothing(tmp_path, monkeypatch):
    with serving(tmp_path / "state") as client:
        job = submitted(client)
        followed(client, job)

        def deleted_meanwhile(context, results, mask, folder, structure, by):
            client.service.cleaner.delete_job(job)
            folder.mkdir(parents=True)  # as an atomic write does
            (folder / "0001_liver.nii.gz").write_bytes(b"a mask")
            return {"version": 1, "structure": structure, "voxels_changed": 1, "voxels": 1, "by": by, "when": ""}

        monkeypatch.setattr("omentum.serve.work.tasks.store_correction", deleted_meanwhile)
        assert client.put(f"/jobs/{job}/corrections/liver", content=b"x").status_code == 404
        assert not list((tmp_path / "state" / "jobs").iterdir())


def test_a_damaged_database_is_told_at_the_start(tmp_path):
    place = tmp_path / DATABASE
    Database(place).close()
    content = bytearray(place.read_bytes())
    content[4096:16384] = b"\xff" * 12288
    place.write_bytes(content)
    with pytest.raises(OutputError, match=r"cannot be used: .*(damaged|malformed)"):
        Database(place)


def test_a_database_of_the_first_version_gets_what_is_new_since(tmp_path):
    place = tmp_path / DATABASE
    Database(place).close()
    with closing(sqlite3.connect(place)) as older:
        older.executescript(
            "DROP TABLE image_name; ALTER TABLE job DROP COLUMN cancel_requested; PRAGMA user_version = 1;"
            "INSERT INTO upload VALUES ('u', 1.0);"
        )
    database = Database(place)
    names = ImageNames(database)
    names.add("u", "user", "CT")
    assert (names.find("user", "CT"), names.find("other", "CT")) == (["u"], [])
    assert JobStore(database, 1).all() == []
    database.close()


def test_results_that_an_ended_service_left_are_written_anew(tmp_path, monkeypatch):
    with serving(tmp_path / "state") as client:
        job = client.service.jobs.get(submitted(client, classes=["liver"]))
    folder, seen = StateFolder(tmp_path), []
    folder.results(job.id, job.attempts).mkdir(parents=True)
    monkeypatch.setattr(
        "omentum.serve.work.child.ChildProcess.run", lambda self, name, task, report: seen.append(task.results.exists())
    )
    DeviceRunner(folder, "cpu", {"default": "default"}).run(job, lambda _: None)
    assert seen == [False]
