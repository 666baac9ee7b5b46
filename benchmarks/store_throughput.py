"""Many phantom cases into a store: cases a minute, bytes, and the most memory any process held.

    python benchmarks/store_throughput.py --cases 200 -j 2 -o benchmarks/results/store_throughput.md

A handful of different phantoms is written as a dataset once, and linked under as many names as asked for.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.io.nifti import write_volume
from omentum.phantom import make_case
from omentum.volume import Volume

RECIPE = """
[[layout]]
image = "ct/{id}.nii.gz"
labels = "labels/{id}.nii.gz"
[values]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--different", type=int, default=4)
    parser.add_argument("--spacing", type=float, nargs=3, default=(1.6, 1.6, 3.0), metavar="MM")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch)
        voxels = write_raw(raw, arguments.cases, arguments.different, tuple(arguments.spacing))
        start = time.perf_counter()
        used = prepare(raw, arguments.jobs)
        seconds = time.perf_counter() - start
        again = time.perf_counter()
        prepare(raw, arguments.jobs)
        again = time.perf_counter() - again
        size = sum(path.stat().st_size for path in (raw / "store").rglob("*") if path.is_file())
    text = (
        f"# Preparing {arguments.cases} phantom cases\n\n"
        f"`python {' '.join(sys.argv)}`, {datetime.date.today()}, {os.cpu_count()} cores "
        f"({platform.processor() or 'x86-64'}), load {os.getloadavg()[0]:.1f} at the end: **other work ran on the same "
        "cores**, so processor time counts.\n\n"
        f"- {voxels / 1e6:.1f} million voxels a raw case on average, 1.5 mm store, {arguments.jobs} processes\n"
        f"- {60 * arguments.cases / seconds:.1f} cases a minute by the clock; "
        f"{(used.ru_utime + used.ru_stime) / arguments.cases:.1f} processor seconds a case\n"
        f"- largest process: {used.ru_maxrss / 1024:.0f} MiB\n"
        f"- {size / arguments.cases / 1e6:.1f} MB a case\n"
        f"- a second run that finds everything done: {again:.1f} s\n"
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def write_raw(raw: Path, cases: int, different: int, spacing_mm: tuple[float, ...]) -> float:
    """The dataset; returns voxels a case."""
    # A lesion of either kidney would need its side: structures with several possible hosts are left to others.
    rows = [f"{row.index} = {json.dumps([row.key, *row.hosts])}\n" for row in STRUCTURES if len(row.hosts) < 2]
    others = [row.index for row in STRUCTURES if len(row.hosts) > 1]
    (raw / "many.toml").write_text(f"ignored = {others}\n{RECIPE}{''.join(rows)}")
    voxels = []
    for k in range(cases):
        names = [raw / "root" / kind / f"{k}.nii.gz" for kind in ("ct", "labels")]
        if k < different:
            case = make_case((6, k), (spacing_mm[0], spacing_mm[1], spacing_mm[2]))
            write_volume(names[0], case.ct)
            write_volume(names[1], Volume(case.truth.labelmap().astype(np.uint8), case.ct.affine))
            voxels.append(case.ct.voxels.size)
            continue
        for name in names:
            os.link(name.with_name(f"{k % different}.nii.gz"), name)
    return float(np.mean([voxels[k % different] for k in range(cases)]))


def prepare(raw: Path, jobs: int) -> resource.struct_rusage:
    """Run the command; returns what its processes used."""
    code = "import sys; from omentum.cli import main; sys.exit(main())"
    dataset = f"{raw / 'many.toml'}={raw / 'root'}"
    command = ["data", "prepare", "--dataset", dataset, "-o", str(raw / "store"), "-j", str(jobs)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code, *command], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = (after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime)
    return resource.struct_rusage((*seconds, *after[2:]))


if __name__ == "__main__":
    main()
