"""`omentum segment` with the bundled model on a large CT, all 32 structures, from the command line to the last file.

    python benchmarks/end_to_end.py --size 512x512x300 -o benchmarks/results/end_to_end.json

The CT is that of inference_long.py: a phantom's body, with noise, on the grid of a scanner. Every run is a command of
its own, so that starting Python, reading, measuring, drawing and the report count. The first one also compiles the
network, into an empty folder.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inference_long import make_ct
from omentum.infer.profiles import PROFILES
from record import Cell, Table, publish, result_file

STAGES = ("read", "prepare", "infer", "second_pass", "postprocess")
OF_THE_REST = ("measure", "draw", "write")
MEASURES = (
    *("src/omentum/cli", "src/omentum/pipeline", "src/omentum/infer"),
    *("src/omentum/preprocess", "src/omentum/report", "src/omentum/measure", "src/omentum/quality"),
    *("src/omentum/model", "src/omentum/postprocess", "src/omentum/io"),
)
ABOUT = (
    "Seconds by the clock; `infer` is the first network with blending and the way back to the CT's grid, `second pass` "
    "all that the second one needs, `the rest` is all else: measuring (meanwhile masks are written and the report's "
    "pictures drawn), waiting for what is not drawn by then, writing the report, starting and ending Python and "
    "loading the weights. Peak memory is that of the whole command."
)
COLUMNS = {
    "profile": "{}",
    "engine": "{}",
    "all": "**{:.1f}**",
    "read": "{:.1f}",
    "prepare": "{:.1f}",
    "infer": "{:.1f}",
    "second pass": "{:.1f}",
    "postprocess": "{:.1f}",
    "the rest": "**{:.1f}**",
    **{f"of it {stage}": "{:.1f}" for stage in (*OF_THE_REST, "start and end")},
    "share of infer": "{:.0%}",
    "windows": "{}",
    "windows of the second pass": "{}",
    "processor s": "{:.0f}",
    "peak GB": "{:.2f}",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="512x512x300")
    parser.add_argument("--profiles", nargs="+", choices=list(PROFILES), default=["exact", "balanced", "fast"])
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        x, y, z = (int(n) for n in arguments.size.split("x"))
        make_ct((x, y, z), work / "ct.nii.gz", work)
        runs = [("first time", arguments.profiles[0])] + [("", profile) for profile in arguments.profiles]
        rows = [row(f"{profile} {note}".strip(), profile, work, n) for n, (note, profile) in enumerate(runs)]
    publish(
        arguments.out,
        title=f"The bundled model on {arguments.size} voxels, 32 structures, from the command line to the last file",
        about=ABOUT,
        measures=MEASURES,
        tables={"profiles": Table(COLUMNS, rows)},
    )


def row(name: str, profile: str, work: Path, number: int) -> list[Cell]:
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
    known, named = ([seconds.get(stage, 0.0) for stage in stages] for stages in (STAGES, OF_THE_REST))
    rest = wall - sum(known)
    engine = manifest["engine"]
    processor, peak_gb = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9
    told = [name, f"{engine['name']} {engine['precision']}", wall, *known, rest, *named, rest - sum(named)]
    windows = [manifest["model_grid"]["windows"], manifest.get("second_pass", {}).get("windows", 0)]
    return [*told, seconds["infer"] / wall, *windows, processor, peak_gb]


if __name__ == "__main__":
    main()
