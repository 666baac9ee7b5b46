"""Resampling in float32, float16 and bfloat16: seconds, and what the narrower types change.

    python benchmarks/resampling.py DATA/abdomen_3mm/ct.nii.gz -o benchmarks/results/resampling.json

Two jobs: a CT to the model grid (HU, before the window), and a slab of logits from the model grid to a CT of 512 x 512,
whose sign decides the mask. Positions are float64 in all of them; only the values are narrow.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from omentum.axis_order import axis_order
from omentum.io.nifti import read_volume
from omentum.preprocess.grid import model_grid, positions_on
from omentum.preprocess.resample import sample_along
from omentum.spec import PreprocessSpec
from record import Table, publish, result_file

MEASURES = ("src/omentum/preprocess/resample.py", "src/omentum/preprocess/grid.py", "src/omentum/axis_order.py")
COLUMNS = {
    "job": "{}",
    "type": "{}",
    "seconds": "{:.3f}",
    "times float32": "{:.2f}",
    "greatest error": "{:.3g}",
    "voxels on the other side of 0": "{:.4%}",
}
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
SLAB, NATIVE = (280, 280, 17), (512, 512, 24)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ct", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    rows = []
    for name, values, positions in (ct_job(arguments.ct), logit_job()):
        exact, base = timed(lambda v=values, p=positions: resampled(v, p), arguments.repeats)
        for dtype in DTYPES:
            narrow = values.to(dtype)
            found, seconds = timed(lambda v=narrow, p=positions: resampled(v, p), arguments.repeats)
            error = float((found.float() - exact).abs().max())
            other = float(((found > 0) != (exact > 0)).float().mean())
            rows.append((name, str(dtype).removeprefix("torch."), seconds, seconds / base, error, other))
    publish(
        arguments.out,
        title="Resampling: which type of number",
        measures=MEASURES,
        tables={"types": Table(COLUMNS, rows)},
    )


def resampled(values: Tensor, positions: list[np.ndarray]) -> Tensor:
    """One axis after another, as everywhere."""
    for axis in (2, 1, 0):
        values = sample_along(values, axis, positions[axis])
    return values


def timed(job: Callable[[], Tensor], repeats: int) -> tuple[Tensor, float]:
    """The least of some runs by the clock."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        found = job()
        seconds.append(time.perf_counter() - started)
    return found, min(seconds)


def ct_job(path: Path) -> tuple[str, Tensor, list[np.ndarray]]:
    """HU to 1.5 mm."""
    ct, spec = read_volume(path), PreprocessSpec()
    order = axis_order(ct.grid, spec.orientation)
    positions = positions_on(model_grid(ct.grid, spec), order.grid(ct.grid))
    return "CT to the model grid, HU", torch.from_numpy(np.array(order.view(ct.voxels), np.float32)), list(positions)


def logit_job() -> tuple[str, Tensor, list[np.ndarray]]:
    """Smooth logits as a network gives them, from -20 to 20, most of them far from 0."""
    coarse = torch.randn(1, 1, 15, 15, 3, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(coarse, SLAB, mode="trilinear", align_corners=True)[0, 0]
    return "logits to the CT's grid", smooth * 8, [np.linspace(0, n - 1, m) for n, m in zip(SLAB, NATIVE, strict=True)]


if __name__ == "__main__":
    main()
