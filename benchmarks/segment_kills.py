"""`omentum segment` killed (SIGKILL) at random moments again and again: a result is whole, or not there.

    python benchmarks/segment_kills.py --kills 30

A tiny CT and a network without training. Half of the kills fall anywhere between the start and the end, half while the
result is being written. After each, the output folder may hold the whole result or things under temporary names, and
nothing else; then the same command must end well and leave the result alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import numpy as np

from facts import ROOT
from record import Table, publish, result_file

sys.path += [str(ROOT / "tests" / "support")]

from omentum.io.nifti import write_volume
from omentum.result_files import LABEL_MAP, MANIFEST, MASKS
from omentum.volume import Volume

MEASURES = ("src/omentum/pipeline", "src/omentum/atomic.py", "src/omentum/temporary_names.py")
TITLE = "Segmentations after kills"
ABOUT = (
    "Runs of `omentum segment` on a tiny CT, each ended by SIGKILL: half of them after a random part of the time a run "
    "takes, half while its result was being written. Half files: files under a final name that are not those of an "
    "undisturbed run, or a case folder that lacks one. Then the same command once more, to the end."
)
COLUMNS = {
    "kills": "{}",
    "while a file was being written": "{}",
    "after the result was there": "{}",
    "half files": "{}",
    "runs afterwards that failed or left something": "{}",
    "seconds": "{:.0f}",
}
CASE = "ct"
LONGEST_WRITE_S = 0.6
"""A kill of the second half comes so long after the first temporary name at the latest."""
SLOW_IMPORTS = ("omentum.cli", "omentum.pipeline.batch.api", "omentum.report.html", "omentum.report.preview", "monai")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    for name in SLOW_IMPORTS:
        import_module(name)  # here, or every child would spend its life importing
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["OMENTUM_HOME"] = str(Path(scratch) / "home")
        row = run(Path(scratch), arguments.kills, random.Random(arguments.seed))
    publish(arguments.out, title=TITLE, about=ABOUT, measures=MEASURES, tables={"kills": Table(COLUMNS, [row])})
    sys.exit(row[3] > 0 or row[4] > 0)


def run(scratch: Path, kills: int, rng: random.Random) -> tuple[int, int, int, int, int, float]:
    """The row of the table."""
    start = time.monotonic()
    write_inputs(scratch)
    once = scratch / "once"
    assert finish(scratch, once) == 0, "the undisturbed run failed"
    expected, second = digests(once / CASE), time.monotonic()
    finish(scratch, scratch / "twice")  # with warm caches, as all later ones
    usual_s = time.monotonic() - second
    writing = complete = half = unwell = 0
    for number in range(kills):
        out = scratch / f"killed_{number}"
        kill_one(scratch, out, rng, usual_s, while_writing=number % 2 == 1)
        in_writing, is_complete, is_half = judge(out, expected)
        writing, complete, half = writing + in_writing, complete + is_complete, half + is_half
        is_well = finish(scratch, out) == 0 and judge(out, expected) == (False, True, False)
        unwell += not is_well
        state = "complete" if is_complete else "writing" if in_writing else "nothing"
        print(f"kill {number + 1}: {state}{', HALF' * is_half}{', UNWELL' * (not is_well)}", flush=True)
        shutil.rmtree(out, ignore_errors=True)
    print(f"{kills} kills, {writing} while a file was being written; half files: {half}; unwell afterwards: {unwell}")
    return kills, writing, complete, half, unwell, time.monotonic() - start


def write_inputs(scratch: Path) -> None:
    """A block of soft tissue in air, and weights, made in another process, because a child must not inherit torch."""
    hu = np.full((40, 40, 40), -1000, np.int16)
    hu[6:34, 6:34, 4:36] = np.random.default_rng(0).normal(40, 15, (28, 28, 32))
    hu[12:16, 12:16, 4:36] = 600
    write_volume(scratch / f"{CASE}.nii.gz", Volume(hu, np.diag([3.0, 3.0, 3.0, 1.0])))
    if (child := os.fork()) == 0:
        status = 1
        try:
            import small_models

            from omentum.model import save_checkpoint

            save_checkpoint(scratch / "small.safetensors", small_models.small_model())
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0, "no weights"


def start_segmenting(scratch: Path, out: Path) -> int:
    """Run the command in a child; returns its process number."""
    if (child := os.fork()) != 0:
        return child
    status = 1
    try:
        os.setsid()
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        from omentum import cli

        words = f"segment {scratch / CASE}.nii.gz -o {out} --weights {scratch / 'small.safetensors'} --device cpu"
        status = cli.main([*words.split(), "--engine", "torch", "--quiet"])
    finally:
        os._exit(status)


def finish(scratch: Path, out: Path) -> int:
    """The command to its end; returns its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(start_segmenting(scratch, out), 0)[1])


def kill_one(scratch: Path, out: Path, rng: random.Random, usual_s: float, *, while_writing: bool) -> None:
    child = start_segmenting(scratch, out)
    if while_writing:
        while not any(out.glob(".*")) and not (out / CASE).exists():
            time.sleep(0.002)
        time.sleep(rng.uniform(0, LONGEST_WRITE_S))
    else:
        time.sleep(rng.uniform(0, usual_s))
    os.killpg(child, signal.SIGKILL) if os.getpgid(child) == child else os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def judge(out: Path, expected: dict[str, str]) -> tuple[bool, bool, bool]:
    """Whether something has a temporary name, the result is there, and something else is there."""
    found = [path.name for path in out.iterdir()] if out.exists() else []
    hidden = [name for name in found if name.startswith(".")]
    is_complete = CASE in found
    strange = bool(set(found) - set(hidden) - {CASE})
    return bool(hidden), is_complete, strange or (is_complete and digests(out / CASE) != expected)


def digests(case: Path) -> dict[str, str]:
    """File -> hash of what is the same in every run; times and dates are not."""
    found = {path.relative_to(case).as_posix(): "" for path in case.rglob("*") if path.is_file()}
    for name in (LABEL_MAP, MASKS):
        found[name] = hashlib.sha256((case / name).read_bytes()).hexdigest() if name in found else "missing"
    json.loads((case / MANIFEST).read_bytes())
    return found


if __name__ == "__main__":
    main()
