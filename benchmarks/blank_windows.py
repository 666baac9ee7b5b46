"""How many windows of real CTs see no body at all, so that they could be skipped without changing anything.

    python benchmarks/blank_windows.py DATA/*/ -o benchmarks/results/blank_windows.json

A window is blank if nothing in it is brighter than the lower end of the HU window. Grid and windows are the published
model's (1.5 mm, 96 voxels, half-overlapping), after the crop to the body.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import torch

from omentum.infer.windows import plan_windows
from omentum.io.dicom.series import read_series
from omentum.io.nifti import read_volume
from omentum.preprocess.prepare import prepare
from omentum.spec import PreprocessSpec
from omentum.volume import Volume
from record import Table, publish, result_file

MEASURES = ("src/omentum/preprocess", "src/omentum/infer/windows.py")
COLUMNS = {"CT": "{}", "windows": "{}", "blank": "{}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="with ct.nii.gz or series/; others are passed over")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    rows = []
    for folder in arguments.folders:
        if (folder / "ct.nii.gz").exists() or (folder / "series").exists():
            windows, blank = counted(read(folder), PreprocessSpec())
            rows.append((folder.name, windows, blank))
            print(rows[-1], file=sys.stderr, flush=True)
    publish(
        arguments.out,
        title="Windows without body",
        measures=MEASURES,
        tables={"windows": Table(COLUMNS, rows)},
        values={"windows": sum(row[1] for row in rows), "blank": sum(row[2] for row in rows)},
    )


def read(folder: Path) -> Volume:
    """The CT of a folder."""
    file = folder / "ct.nii.gz"
    return read_volume(file) if file.exists() else read_series(folder / "series")


def counted(ct: Volume, spec: PreprocessSpec) -> tuple[int, int]:
    """All windows, and those that are 0 everywhere."""
    image = prepare(ct, spec).tensor[0, 0]
    plan = plan_windows(tuple(image.shape), spec.patch)
    image = torch.nn.functional.pad(image, [n for axis in (2, 1, 0) for n in (plan.before[axis], plan.after[axis])])
    px, py, pz = spec.patch
    places = itertools.product(*plan.starts)
    return len(plan), sum(not image[x : x + px, y : y + py, z : z + pz].any() for x, y, z in places)


if __name__ == "__main__":
    main()
