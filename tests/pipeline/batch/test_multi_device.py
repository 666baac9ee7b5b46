from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tasks import fake_batch

from omentum.errors import InputError, UsageError
from omentum.pipeline import SaveOptions, SegmentOptions
from omentum.pipeline.batch.jobs import Job
from omentum.pipeline.batch.multi_device import BatchSettings, helpful_jobs, run_on_devices
from omentum.pipeline.batch.options import parse_devices

SETTINGS = BatchSettings("default", SegmentOptions(), SaveOptions(), 1)
JOBS = [Job(f"case{n}", Path(f"case{n}.nii"), Path("out") / f"case{n}") for n in range(8)]


class Listening:
    def __init__(self):
        self.begun = []

    def begin(self, case):
        self.begun.append(case)


def outcomes(folder, *devices):
    listener = Listening()
    return list(run_on_devices(JOBS, devices, replace(SETTINGS, weights=folder), listener, fake_batch)), listener


def test_who_is_free_takes_the_next_case(tmp_path):
    done, listener = outcomes(tmp_path, "fast", "slow")
    assert sorted(o.job.case for o in done) == sorted(listener.begun) == [job.case for job in JOBS]
    assert Counter(o.warnings[0] for o in done) == {"fast": 7, "slow": 1}


def test_the_death_of_a_device_costs_the_case_it_was_at(tmp_path):
    done, _ = outcomes(tmp_path, "mortal", "slow")
    assert len(done) == len(JOBS)
    (failed,) = [o for o in done if o.fault]
    assert failed.error == f"{failed.job.source}: the process of device mortal was killed"
    assert Counter(o.warnings[0] for o in done if not o.fault) == {"mortal": 1, "slow": 6}


def test_when_no_device_is_left_every_case_has_an_outcome(tmp_path):
    done, _ = outcomes(tmp_path, "mortal")
    assert [o.fault is None for o in done] == [True] + [False] * 7
    assert {o.job for o in done} == set(JOBS)


def test_a_device_that_cannot_be_used_is_no_fault_of_the_cases(tmp_path):
    with pytest.raises(InputError, match="no such device"):
        outcomes(tmp_path, "unusable")


def test_numbers_are_cuda_devices():
    assert parse_devices("0, 1") == ("cuda:0", "cuda:1")
    assert parse_devices("cpu") == ("cpu",)
    with pytest.raises(UsageError, match="no device"):
        parse_devices(" ,")


def test_two_processors_that_compute_are_left_alone(monkeypatch):
    for processors, jobs in ((1, 0), (2, 0), (4, 1), (None, 0)):
        monkeypatch.setattr("os.cpu_count", lambda n=processors: n)
        assert helpful_jobs("cpu") == jobs
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert helpful_jobs("auto") == 1
    with pytest.raises(UsageError, match="unknown device"):
        helpful_jobs("tpu")
