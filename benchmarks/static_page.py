"""The page that segments in the browser, in Chromium, against the Python pipeline: time, memory, download, masks.

make web-static, then
export CHROMIUM=/usr/bin/chromium
python benchmarks/static_page.py NAME:THREADS=CT ... --work FOLDER -o benchmarks/results/static_page.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np

from facts import ROOT
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.io.segmentations import read_segmentation
from omentum.model import load_model
from omentum.model.growth.second_pass import without_second_pass
from omentum.pipeline import Segmenter, SegmentOptions
from record import Table, publish, result_file

MEASURES = ("web/src/local", "web/src/formats", "src/omentum/export", "src/omentum/resources/default.safetensors")
ABOUT = (
    "The static page (`make web-static`) in headless Chromium, WebAssembly; Python: `omentum segment`, profile exact, "
    "torch. Seconds by the clock from dropping the file to masks on the screen, with the download from this machine; "
    "processor seconds and memory are those of the page's process with all its threads."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", metavar="NAME:THREADS=CT")
    parser.add_argument("--work", type=Path, required=True, help="folder of results, which are not computed again")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    runs, classes = [], []
    for run, ct in (case.split("=", 1) for case in arguments.cases):
        name, threads = run.split(":")
        expected = by_python(ct, arguments.work / f"{name}-python.seg.nrrd")
        figures, found = run_page(Path(ct), int(threads), arguments.work / f"{name}-{threads}")
        keys = ("threads", "seconds", "cpu_seconds", "peak_mb", "downloaded_mb")
        runs.append([name, int(np.prod(expected.shape)) / 1e6, *(figures[key] for key in keys)])
        classes += [[name, *row] for row in compare(expected, found)]
    columns = {
        "case": "{}",
        "structure": "{}",
        "voxels": "{:,}",
        "different": "{}",
        "equal": "{:.3%}",
        "Dice": "{:.5f}",
    }
    publish(
        arguments.out,
        title="Segmentation in the browser alone",
        about=ABOUT,
        measures=MEASURES,
        tables={
            "runs": Table(
                {
                    "case": "{}",
                    "million voxels": "{:.1f}",
                    "threads": "{}",
                    "s": "{:.0f}",
                    "processor s": "{:.0f}",
                    "peak MB": "{:.0f}",
                    "download MB": "{:.1f}",
                },
                runs,
            ),
            "masks": Table(columns, classes, "Equal: share of the structure's voxels, by either, that are the same."),
        },
        values={"least equal": min(row[4] for row in classes), "least Dice": min(row[5] for row in classes)},
    )


def by_python(ct: str, file: Path):
    """The masks of the Python pipeline with the first pass alone, as the page has it."""
    if not file.is_file():
        options = SegmentOptions(device="cpu", engine="torch")
        write_seg_nrrd(file, Segmenter(without_second_pass(load_model()), options).segment(ct))
    return read_segmentation(file)


def run_page(ct: Path, threads: int, result: Path):
    """Figures of a run, and the masks that the page saved."""
    told, saved = result.with_suffix(".json"), result.with_suffix(".seg.nrrd")
    if not told.is_file():
        command = ["node", "e2e/static.mjs", str(ct.resolve()), str(saved.resolve()), "--threads", str(threads)]
        done = subprocess.run(command, cwd=ROOT / "web", stdout=subprocess.PIPE, text=True, check=True)
        told.write_text(done.stdout)
    return json.loads(told.read_text()), read_segmentation(saved)


def compare(expected, found):
    """A row for each structure that either of them has."""
    assert found.grid.same_as(expected.grid, 1e-3)
    for key in expected.classes:
        a, b = expected.mask(key), found.mask(key)
        of_either, different = np.count_nonzero(a | b), np.count_nonzero(a != b)
        if of_either:
            dice = 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))
            yield [key, int(np.count_nonzero(a)), int(different), 1 - different / of_either, dice]


if __name__ == "__main__":
    main()
