"""A batch of phantom CTs one after another, and with reading and writing done by other processes meanwhile.

    python benchmarks/batch.py --cases 4 --jobs 1 2 -o benchmarks/results/batch.md

All ways run in one process on the same files, after one case that loads the weights; each is compared with `-j 0`.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from omentum.io.nifti import write_volume
from omentum.phantom import make_case
from omentum.pipeline import Crew, Here, Job, Line, Options, SaveOptions, Segmenter


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
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sources, shape = write_phantoms(Path(scratch), arguments.cases, tuple(arguments.spacing))
        segmenter = Segmenter(arguments.weights, Options(device="auto"))
        network_s = segmenter.segment(sources[0]).manifest["timings_s"]["infer"]
        runs = {jobs: timed(segmenter, sources, Path(scratch) / "out", jobs) for jobs in (0, *arguments.jobs)}
    text = table(arguments.cases, shape, runs, network_s)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


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
    with Crew(jobs) if jobs else Here() as crew:
        outcomes = list(Line(segmenter, SaveOptions(), crew, Silent()).run(batch))
    assert not any(outcome.error for outcome in outcomes), [outcome.error for outcome in outcomes]
    seconds, used = time.perf_counter() - start, processor_s() - before
    shutil.rmtree(out)
    return seconds, used


def processor_s() -> float:
    """Of this process and those that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def table(cases: int, shape: str, runs: dict[int, tuple[float, float]], network_s: float) -> str:
    """The result as a page."""
    alone = runs[0][0]
    rows = [
        f"| {'one after another' if jobs == 0 else f'-j {jobs}'} | {seconds:.1f} s | {seconds / cases:.1f} s "
        f"| {alone / seconds:.2f} |"
        for jobs, (seconds, _) in runs.items()
    ]
    return (
        f"# A batch of {cases} phantom CTs of about {shape} voxels\n\n"
        f"`python {' '.join(sys.argv)}`, {datetime.date.today()}, {os.cpu_count()} cores "
        f"({platform.processor() or 'x86-64'}), torch with {torch.get_num_threads()} threads, load "
        f"{os.getloadavg()[0]:.1f} at the end (with this benchmark alone it is about the number of cores; more means "
        "that other work ran, and favours whatever has more processes).\n\n"
        f"The network alone takes {network_s:.1f} s for the first case; one after another, a case takes "
        f"{runs[0][1] / cases:.1f} processor seconds.\n\n"
        "| | all | a case | times as fast |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


if __name__ == "__main__":
    main()
