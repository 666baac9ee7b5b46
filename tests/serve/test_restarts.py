"""Jobs of a service that ended or was killed: what ran begins again once, what was cancelled does not."""

import threading

import pytest
from serving import WAIT_S, followed, serving, submitted, uploaded

from omentum.errors import OutputError
from omentum.serve.documents import JobRequest
from omentum.serve.state.database import Database
from omentum.serve.state.folders import DATABASE, LOCK, StateFolder
from omentum.serve.state.jobs import JobStore
from omentum.serve.work.runners import DeviceRunner


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
