import numpy as np
import pytest
from banded_phantom import banded_ct, ras_grid, truth_mask
from threshold_model import ThresholdModel

from omentum.errors import UsageError
from omentum.io.nifti import read_volume, write_volume
from omentum.pipeline import SaveOptions, Segmenter, SegmentOptions
from omentum.pipeline.batch.jobs import Job
from omentum.pipeline.batch.pipelined import PipelinedBatch
from omentum.pipeline.batch.workers import CompletedTask, InlineExecutor, run_task
from omentum.spec import PreprocessSpec

SPEC = PreprocessSpec(spacing_mm=(4.0, 4.0, 4.0), patch=(32, 32, 32))
SAVE = SaveOptions(preview=False, report=False)


class Prompt:
    """A crew that does everything as soon as it is asked to, and keeps a diary."""

    def __init__(self, jobs, diary):
        self.jobs, self.diary = jobs, diary

    def submit(self, work, *arguments):
        job = next((a for a in arguments if isinstance(a, Job)), None)
        self.diary.append(f"write {job.case}" if job else f"read {arguments[0].name[0]}")
        return CompletedTask(run_task(work, *arguments))


class Diary:
    def __init__(self):
        self.lines = []

    def begin(self, case):
        self.lines.append(f"compute {case}")

    def progress(self, done, of):
        pass

    def step(self, case, what):
        pass


@pytest.fixture
def jobs(tmp_path):
    for name in "abcd":
        write_volume(tmp_path / f"{name}.nii", banded_ct(ras_grid((4.0, 4.0, 4.0))))
    return [Job(name, tmp_path / f"{name}.nii", tmp_path / "out" / name) for name in "abcd"]


def line(pool, diary, **options):
    return PipelinedBatch(Segmenter(ThresholdModel(SPEC), SegmentOptions(device="cpu", **options)), SAVE, pool, diary)


def test_one_case_is_read_ahead_and_no_more(jobs):
    diary = Diary()
    done = list(line(Prompt(1, diary.lines), diary).run(jobs))
    assert [o.job.case for o in done] == list("abcd")
    assert not any(o.error for o in done)
    assert diary.lines == [
        *("read a", "read b", "compute a", "write a", "read c", "compute b", "write b"),
        *("read d", "compute c", "write c", "compute d", "write d"),
    ]


def test_without_processes_one_case_follows_the_other(jobs):
    diary = Diary()
    done = line(InlineExecutor(), diary).run(jobs)
    assert next(done).job.case == "a"
    assert diary.lines == ["compute a"]
    assert [o.job.case for o in done] == list("bcd")


class Slow:
    """A crew whose reading is not done before it is waited for."""

    jobs = 1

    def submit(self, work, *arguments):
        return InlineExecutor().submit(work, *arguments)


@pytest.mark.parametrize("pool", [InlineExecutor(), Slow()])
def test_reading_is_said_before_it_is_waited_for(jobs, pool):
    diary = Steps()
    list(line(pool, diary).run(jobs[:2]))
    reading = [diary.lines.index(f"{case}: {what}") for case in "ab" for what in ("reading", "begun")]
    assert reading == sorted(reading)
    again = Steps()
    assert all(o.resumed for o in line(pool, again).run(jobs[:2]))
    assert again.lines == []


class Steps(Diary):
    def begin(self, case):
        self.lines.append(f"{case}: begun")

    def step(self, case, what):
        self.lines.append(f"{case}: {what}")


def test_a_bad_case_in_the_middle_is_only_told_about(jobs, tmp_path):
    jobs[1].source.write_bytes(b"no ct")
    diary = Diary()
    done = list(line(Prompt(2, diary.lines), diary).run(jobs))
    assert [o.error is None for o in done] == [True, False, True, True]
    assert "compute b" not in diary.lines
    found = read_volume(tmp_path / "out" / "c" / "segmentation.nii.gz")
    np.testing.assert_array_equal(found.voxels == 6, truth_mask("liver", ras_grid((4.0, 4.0, 4.0))))


def test_weights_that_cannot_be_used_are_no_fault_of_the_cases(jobs):
    diary = Diary()
    with pytest.raises(UsageError, match="do not know spleen"):
        list(line(Prompt(1, diary.lines), diary, classes=("spleen",)).run(jobs))
    with pytest.raises(UsageError, match="do not know spleen"):
        list(line(InlineExecutor(), diary, classes=("spleen",)).run(jobs))
