"""`omentum segment` with the bundled model on a large CT, all 32 structures, from the command line to the last file.

    python benchmarks/end_to_end.py --size 512x512x300 -o benchmarks/results/end_to_end.md

The CT is that of inference_long.py: a phantom's body, with noise, on the grid of a scanner. Every run is a command of
its own, so that starting Python, reading, measuring, drawing and the report count. The first one also compiles the
network, into an empty folder.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from inference_long import make_ct
from omentum.infer.profiles import PROFILES

STAGES = ("read", "prepare", "load_weights", "infer", "postprocess")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="512x512x300")
    parser.add_argument("--profiles", nargs="+", choices=list(PROFILES), default=["exact", "balanced", "fast"])
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        x, y, z = (int(n) for n in arguments.size.split("x"))
        make_ct((x, y, z), work / "ct.nii.gz", work)
        runs = [("first time", arguments.profiles[0])] + [("", profile) for profile in arguments.profiles]
        rows = [row(f"{profile} {note}".strip(), profile, work, n) for n, (note, profile) in enumerate(runs)]
    text = "\n".join([*head(arguments.size), *rows]) + "\n"
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def head(size: str) -> list[str]:
    """What was run, and the table's head."""
    return [
        f"# The bundled model on {size} voxels, 32 structures, from the command line to the last file",
        "",
        f"`python {' '.join(sys.argv)}`, {datetime.date.today()}, {os.cpu_count()} cores, torch {torch.__version__} "
        f"with {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}",
        "",
        "Seconds by the clock; `infer` is the network with blending and the way back to the CT's grid, `the rest` is "
        "starting Python, measuring, drawing, the report and writing. Peak memory is that of the whole command.",
        "",
        f"| profile | engine | all | {' | '.join(STAGES)} | the rest | share of `infer` | processor s | peak GB |",
        f"|---|---|{'---|' * (len(STAGES) + 5)}",
    ]


def row(name: str, profile: str, work: Path, number: int) -> str:
    """One command."""
    out = work / f"out{number}"
    program = Path(sys.executable).with_name("omentum")
    command = [program, "segment", work / "ct.nii.gz", "-o", out, "--profile", profile]
    started = time.perf_counter()
    environment = os.environ | {"OMENTUM_HOME": str(work / "home")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"omentum segment ended with {os.waitstatus_to_exitcode(status)}")
    manifest = json.loads((out / "ct" / "manifest.json").read_text(encoding="utf-8"))
    seconds = manifest["timings_s"]
    known = [seconds.get(stage, 0.0) for stage in STAGES]
    engine = manifest["engine"]
    cells = " | ".join(f"{s:.1f}" for s in (*known, wall - sum(known)))
    processor, peak_gb = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9
    return (
        f"| {name} | {engine['name']} {engine['precision']} | **{wall:.1f}** | {cells} | "
        f"{100 * seconds['infer'] / wall:.0f} % | {processor:.0f} | {peak_gb:.2f} |"
    )


if __name__ == "__main__":
    main()
