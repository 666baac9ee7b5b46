"""Many phantom cases into a store: cases a minute, bytes, and the most memory any process held.

    python benchmarks/store_throughput.py --cases 200 -j 2 -o benchmarks/results/store_throughput.json

A handful of different phantoms is written as a dataset once, and linked under as many names as asked for.
"""

from __future__ import annotations

import argparse
import json
import os
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
from record import Table, publish, result_file

MEASURES = ("src/omentum/data",)
COLUMNS = {
    "cases": "{}",
    "million voxels a raw case": "{:.1f}",
    "processes": "{}",
    "cases a minute": "{:.1f}",
    "processor s a case": "{:.1f}",
    "largest process MiB": "{:.0f}",
    "MB a case": "{:.1f}",
    "s to find everything done": "{:.1f}",
}

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
    parser.add_argument("-o", "--out", type=result_file)
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
    cases, spent = arguments.cases, used.ru_utime + used.ru_stime
    row = [cases, voxels / 1e6, arguments.jobs, 60 * cases / seconds, spent / cases]
    row += [used.ru_maxrss / 1024, size / cases / 1e6, again]
    publish(
        arguments.out,
        title=f"Preparing {cases} phantom cases",
        about="A store at 1.5 mm.",
        measures=MEASURES,
        tables={"cost": Table(COLUMNS, [row])},
    )


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
