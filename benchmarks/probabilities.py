"""What keeping the probabilities of all 32 structures of a long CT costs: memory, seconds, disk.

    python benchmarks/probabilities.py -o benchmarks/results/probabilities.json

The CT is a phantom body repeated upwards (see inference_long.py), segmented by the bundled weights and written without
picture and page. Every way runs in a process of its own; peak memory counts from the moment before the CT is read.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inference_long import make_ct
from omentum.pipeline import Segmenter, SegmentOptions
from peak_memory import forget_peak, peak_gb
from record import Table, publish, result_file

SIZES = ("512x512x400", "512x512x800")
KINDS = ("none", "uint8", "uint16")
MEASURES = (
    "src/omentum/infer/maps.py",
    "src/omentum/infer/stream.py",
    "src/omentum/pipeline/compressed_array.py",
    "src/omentum/pipeline/inference.py",
    "src/omentum/pipeline/case_folder.py",
    "src/omentum/resources/default.safetensors",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=SIZES)
    parser.add_argument("--run", nargs=2, metavar=("CT", "KIND"), help=argparse.SUPPRESS)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(run(Path(arguments.run[0]), arguments.run[1])))
        return
    with tempfile.TemporaryDirectory() as scratch:
        rows = [row(size, kind, Path(scratch)) for size in arguments.sizes for kind in KINDS]
    publish(
        arguments.out,
        title="Keeping the probabilities of 32 structures",
        about="Peak memory above the process before it reads the CT. Not deflated, the maps of the longer CT would be "
        "6.7 GB in uint8 and 13.4 GB in uint16.",
        measures=MEASURES,
        tables={
            "ways": Table(
                {
                    "CT": "{}",
                    "probabilities": "{}",
                    "network and way back s": "{:.0f}",
                    "cleaning and writing s": "{:.0f}",
                    "peak GB": "{:.2f}",
                    "of it the maps GB": "{:.3f}",
                    "on disk GB": "{:.3f}",
                },
                rows,
            )
        },
    )


def row(size: str, kind: str, work: Path) -> tuple[object, ...]:
    """Measure one way in a process of its own."""
    x, y, z = (int(n) for n in size.split("x"))
    ct = work / f"{size}.nii.gz"
    if not ct.exists():
        make_ct((x, y, z), ct, work)
    command = [sys.executable, __file__, "--run", ct, kind]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(size, kind, done.stdout, file=sys.stderr)
    return (size, kind, *json.loads(done.stdout.splitlines()[-1]))


def run(ct: Path, kind: str) -> tuple[float, ...]:
    """Seconds of both halves, peak memory, what the maps take in memory and on disk."""
    segmenter = Segmenter("default", SegmentOptions(probabilities=None if kind == "none" else kind))
    segmenter.load()
    before, started = forget_peak(), time.perf_counter()
    case = segmenter.segment(ct)
    seen = time.perf_counter()
    out = case.save(ct.with_name(f"{ct.name}_{kind}"), preview=False, report=False)
    ended, peak = time.perf_counter(), peak_gb() - before
    held = sum(len(small) for maps in case.probabilities.values() for *_, small in maps._parts)
    written = sum(path.stat().st_size for path in (out / "probabilities").glob("*"))
    return seen - started, ended - seen, peak, held / 1e9, written / 1e9


if __name__ == "__main__":
    main()
