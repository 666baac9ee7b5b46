"""A batch of phantom CTs one after another, and with reading and writing done by other processes meanwhile.

    python benchmarks/batch.py --cases 4 --jobs 1 2 -o benchmarks/results/batch.json

All ways run in one process on the same files, after one case that loads the weights; each is compared with `-j 0`.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from omentum.io.nifti import write_volume
from omentum.phantom import make_case
from omentum.pipeline import SaveOptions, Segmenter, SegmentOptions
from omentum.pipeline.batch.jobs import Job
from omentum.pipeline.batch.pipelined import PipelinedBatch
from omentum.pipeline.batch.workers import InlineExecutor, WorkerPool
from record import Table, publish, result_file

MEASURES = ("src/omentum/pipeline", "src/omentum/infer", "src/omentum/report", "src/omentum/io")


class Silent:
    """Hears how it goes."""

    def begin(self, case: str) -> None:
        pass

    def progress(self, done: int, of: int) -> None:
        pass

    def step(self, case: str, what: str) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=4)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--spacing", type=float, nargs=3, default=(1.0, 1.0, 2.5), metavar="MM")
    parser.add_argument("--weights", default="default")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sources, shape = write_phantoms(Path(scratch), arguments.cases, tuple(arguments.spacing))
        segmenter = Segmenter(arguments.weights, SegmentOptions(device="auto"))
        network_s = segmenter.segment(sources[0]).manifest["timings_s"]["infer"]
        runs = {jobs: timed(segmenter, sources, Path(scratch) / "out", jobs) for jobs in (0, *arguments.jobs)}
    alone, used = runs[0]
    rows = [
        ("one after another" if jobs == 0 else f"-j {jobs}", seconds, seconds / arguments.cases, alone / seconds)
        for jobs, (seconds, _) in runs.items()
    ]
    publish(
        arguments.out,
        title=f"A batch of {arguments.cases} phantom CTs of about {shape} voxels",
        about="Seconds by the clock. A machine that other work runs on favours whatever has more processes.",
        measures=MEASURES,
        tables={"jobs": Table({"way": "{}", "all s": "{:.1f}", "a case s": "{:.1f}", "times as fast": "{:.2f}"}, rows)},
        values={"network s for the first case": network_s, "processor s a case": used / arguments.cases},
    )


def write_phantoms(folder: Path, cases: int, spacing_mm: tuple[float, float, float]) -> tuple[list[Path], str]:
    """Different bodies; returns their files and the shape of the first."""
    sources = []
    for n in range(cases):
        case = make_case(n, spacing_mm)
        sources.append(folder / f"phantom{n}.nii.gz")
        write_volume(sources[-1], case.ct)
        shape = " x ".join(map(str, case.ct.shape))
    return sources, shape


def timed(segmenter: Segmenter, sources: Sequence[Path], out: Path, jobs: int) -> tuple[float, float]:
    """Seconds by the clock and of processors, start of the processes included."""
    batch = [Job(source.name, source, out / source.name) for source in sources]
    before, start = processor_s(), time.perf_counter()
    with WorkerPool(jobs) if jobs else InlineExecutor() as pool:
        outcomes = list(PipelinedBatch(segmenter, SaveOptions(), pool, Silent()).run(batch))
    assert not any(outcome.error for outcome in outcomes), [outcome.error for outcome in outcomes]
    seconds, used = time.perf_counter() - start, processor_s() - before
    shutil.rmtree(out)
    return seconds, used


def processor_s() -> float:
    """Of this process and those that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


if __name__ == "__main__":
    main()
