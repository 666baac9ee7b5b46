"""`omentum data prepare` killed (SIGKILL, the whole process group or the parent alone) again and again, then finished.

    python benchmarks/store_kills.py --kills 20

The store must equal, byte for byte, one that was made in one go, whatever the number of processes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from omentum.data.store.store import CACHE
from omentum.io.nifti import write_volume
from omentum.phantom import make_case
from omentum.volume import Volume
from record import Table, publish, result_file

MEASURES = ("src/omentum/data",)
TITLE = "The store after kills"
ABOUT = (
    "Runs of `omentum data prepare` with one or two processes, each ended by SIGKILL (of the parent alone or of the "
    "whole process group) after a random part of the time a full run takes; then one run to the end with two "
    "processes. The store is compared with one that was made in one go with one process."
)
COLUMNS = {"kills": "{}", "cases": "{}", "byte for byte the same": "{}"}

RECIPE = """
[[layout]]
image = "{id}_ct.nii.gz"
labels = "{id}_labels.nii.gz"
[values]
1 = ["liver"]
2 = ["spleen"]
"""
SPACING_MM = (3.0, 3.0, 5.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--cases", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        equal = run(Path(scratch), arguments.kills, arguments.cases, random.Random(arguments.seed))
    row = (arguments.kills, arguments.cases, "yes" if equal else "NO")
    publish(arguments.out, title=TITLE, about=ABOUT, measures=MEASURES, tables={"kills": Table(COLUMNS, [row])})
    sys.exit(not equal)


def run(scratch: Path, kills: int, cases: int, rng: random.Random) -> bool:
    raw = write_raw(scratch, cases)
    start = time.monotonic()
    finish(raw, scratch / "once", jobs=1)
    seconds = time.monotonic() - start
    for number in range(kills):
        done = kill_one(raw, scratch / "killed", rng.uniform(0.2, 1) * seconds, rng)
        print(f"kill {number + 1}: {done} cases there", flush=True)
        # From the beginning now and then, or all later kills would find everything done.
        if done == cases:
            for path in (scratch / "killed" / "cases").iterdir():
                (path / "case.json").unlink(missing_ok=True)
    finish(raw, scratch / "killed", jobs=2)
    return digest(scratch / "once") == digest(scratch / "killed")


def write_raw(scratch: Path, cases: int) -> str:
    """A small dataset; returns NAME=FOLDER."""
    (scratch / "toys.toml").write_text(RECIPE)
    for k in range(cases):
        case = make_case((4, k), SPACING_MM)
        labels = case.truth.mask("liver").astype(np.uint8) + 2 * case.truth.mask("spleen").astype(np.uint8)
        write_volume(scratch / "raw" / f"{k}_ct.nii.gz", case.ct)
        write_volume(scratch / "raw" / f"{k}_labels.nii.gz", Volume(labels, case.ct.affine))
    return f"{scratch / 'toys.toml'}={scratch / 'raw'}"


def command(raw: str, out: Path, jobs: int) -> list[str]:
    code = "import sys; from omentum.cli import main; sys.exit(main())"
    return [sys.executable, "-c", code, "data", "prepare", "--dataset", raw, "-o", str(out), "-j", str(jobs), "--quiet"]


def finish(raw: str, out: Path, jobs: int) -> None:
    subprocess.run(command(raw, out, jobs), check=True)


def kill_one(raw: str, out: Path, delay: float, rng: random.Random) -> int:
    """Start, wait, kill; returns how many cases are complete."""
    with subprocess.Popen(command(raw, out, rng.choice((1, 2))), start_new_session=True) as process:
        time.sleep(delay)
        if rng.random() < 0.5:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    return sum(1 for path in (out / "cases").glob("[!.]*/case.json")) if out.exists() else 0


def digest(store: Path) -> str:
    """Of every name and byte but the cache."""
    total = hashlib.sha256()
    for path in sorted(path for path in store.rglob("*") if path.is_file() and CACHE not in path.parts):
        total.update(f"{path.relative_to(store)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


if __name__ == "__main__":
    main()
