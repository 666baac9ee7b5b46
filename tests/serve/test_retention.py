"""Everything is deleted after its time, whatever the clock does, and what comes too late leaves nothing."""

import time
from dataclasses import replace
from datetime import datetime

from serving import followed, serving, submitted, uploaded

from omentum.serve.state.clock import ClockWatch


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
