"""A long CT through everything but the network: read, undo, clean, write; seconds and peak memory.

    python benchmarks/inference_long.py -o benchmarks/results/inference_long.json

The CT is a phantom body, repeated upwards, at 0.82 x 0.82 x 1 mm; the network is replaced by a stub that looks the
32 logits up in the phantom's truth. What the stub itself takes is measured and left out. Every size runs in a
process of its own, and its peak memory counts from the moment before the CT is read.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.anatomy import STRUCTURES
from omentum.infer.sliding import WindowRun
from omentum.infer.windows import WindowPlan, plan_windows
from omentum.io.nifti import read_volume, write_labelmap, write_volume
from omentum.phantom import make_case
from omentum.pipeline.inference import InferencePlan, infer
from omentum.postprocess import find_cleaner
from omentum.preprocess.prepare import prepare
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec
from omentum.volume import Volume
from peak_memory import forget_peak, peak_gb
from record import Cell, Table, publish, result_file

SIZES = ((512, 512, 400), (512, 512, 800), (512, 512, 1600), (1024, 1024, 768))
IN_PLANE_MM, SLICE_MM, MODEL_MM = 420.0, 1.0, 1.5
SEED = (77, 0)
INSIDE, OUTSIDE = 4.0, -8.0
STAGES = ("read", "prepare", "stream", "clean", "write")
MEASURES = (
    *("src/omentum/infer", "src/omentum/io/nifti.py", "src/omentum/preprocess", "src/omentum/postprocess"),
    *("src/omentum/pipeline/inference.py", "src/omentum/sparse.py", "src/omentum/segmentation.py"),
)
COLUMNS = {
    "CT": "{}",
    "windows": "{}",
    "read s": "{:.1f}",
    "prepare s": "{:.1f}",
    "stream s": "{:.1f}",
    "clean s": "{:.1f}",
    "write s": "{:.1f}",
    "all s": "**{:.0f}**",
    "peak GB": "{:.2f}",
    "of it the CT": "{:.2f}",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=result_file)
    parser.add_argument("--sizes", nargs="+", default=["x".join(map(str, size)) for size in SIZES])
    parser.add_argument("--work", type=Path, help="folder for the CTs; kept")
    parser.add_argument("--run", metavar="CT", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(run(arguments.run)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        rows = [row(size, work) for size in arguments.sizes]
    publish(
        arguments.out,
        title="A long CT, 32 structures, everything but the network",
        about="Peak memory is above the process before it reads.",
        measures=MEASURES,
        tables={"wall": Table(COLUMNS, cells(rows, "wall")), "processor": Table(COLUMNS, cells(rows, "cpu"))},
    )


def row(size: str, work: Path) -> dict[str, float]:
    """Measure one size in processes of their own: the CT is made first and in another one."""
    x, y, z = (int(n) for n in size.split("x"))
    ct = work / f"{size}.nii.gz"
    if not ct.exists():
        make_ct((x, y, z), ct, work)
    done = subprocess.run([sys.executable, __file__, "--run", ct], check=True, stdout=subprocess.PIPE, text=True)
    print(size, done.stdout, file=sys.stderr)
    return {"size": size, **json.loads(done.stdout.splitlines()[-1])}


def make_ct(shape: tuple[int, int, int], path: Path, work: Path) -> None:
    """The phantom's body repeated upwards, on the grid of a scanner; the body and its truth beside it."""
    body = work / "body.npz"
    if not body.exists():
        case = make_case(SEED, (MODEL_MM,) * 3)
        truth = centred(case.truth.bits[0].astype(np.uint32), 0)
        np.savez(body, hu=centred(case.ct.voxels.astype(np.int16), -1024), bits=truth)
    hu = np.load(body)["hu"]
    spacing = (IN_PLANE_MM / shape[0], IN_PLANE_MM / shape[1], SLICE_MM)
    x, y, z = (nearest(n, mm, m) for n, mm, m in zip(shape, spacing, hu.shape, strict=True))
    random = np.random.default_rng(0)
    voxels = np.empty(shape, np.int16, order="F")
    for k, plane in enumerate(z):
        voxels[:, :, k] = hu[:, :, plane][np.ix_(x, y)] + random.integers(-12, 13, shape[:2], np.int16)
    voxels[0, 0, 0] = voxels[-1, -1, -1] = 300  # the body box is everything
    write_volume(path, Volume(voxels, np.diag([*spacing, 1.0])))


def centred(array: NDArray[np.generic], fill: int) -> NDArray[np.generic]:
    """Padded or cut in the plane to the model grid of the field of view."""
    side = round(IN_PLANE_MM / MODEL_MM)
    wide = np.pad(array, [(side, side), (side, side), (0, 0)], constant_values=fill)
    a, b = ((n - side) // 2 for n in wide.shape[:2])
    return wide[a : a + side, b : b + side]


def nearest(voxels: int, spacing_mm: float, length: int) -> NDArray[np.int64]:
    """Which voxel of the model grid, repeated, is nearest to each voxel of the scanner's."""
    return np.rint(np.arange(voxels) * spacing_mm / MODEL_MM).astype(np.int64) % length


class Stub:
    """Logits looked up in the body's truth, window by window in the order of the plan; keeps the seconds it needs."""

    def __init__(self, bits: NDArray[np.uint32], plan: WindowPlan) -> None:
        self._bits = torch.from_numpy(bits.view(np.int32))
        self._windows = ((x, y, z) for z in plan.starts[2] for x, y in plan.columns(z))
        self._patch, self.processor, self.wall = plan.patch, 0.0, 0.0
        self._logits = torch.empty(1, len(STRUCTURES), *plan.patch)

    def __call__(self, windows: Tensor) -> Tensor:
        spent, started = time.process_time(), time.perf_counter()
        x, y, z = (torch.arange(s, s + n) for s, n in zip(next(self._windows), self._patch, strict=True))
        part = self._bits[x[:, None, None], y[:, None], z % self._bits.shape[2]]
        for k, logits in enumerate(self._logits[0]):
            torch.mul((part >> k) & 1, INSIDE - OUTSIDE, out=logits).add_(OUTSIDE)
        self.processor += time.process_time() - spent
        self.wall += time.perf_counter() - started
        return self._logits


def run(path: Path) -> dict[str, float]:
    """All stages, each with its wall and processor seconds."""
    spec, clean = PreprocessSpec(), find_cleaner("omentum")
    bits_of_body = np.load(path.with_name("body.npz"))["bits"]
    torch.zeros(8, 8, 8).mean()
    times: dict[str, float] = {}
    before = forget_peak()
    with stage("read", times):
        ct = read_volume(path)
    with stage("prepare", times):
        prepared = prepare(ct, spec)
    plan = plan_windows(prepared.undo.model.shape, spec.patch)
    stub = Stub(bits_of_body, plan)
    with stage("stream", times):
        found = infer(prepared, InferencePlan(stub, dict.fromkeys(STRUCTURES.keys, 0.5), plan, WindowRun()))
    del prepared
    times["stream wall"] -= stub.wall
    times["stream cpu"] -= stub.processor
    with stage("clean", times):
        cleaned = clean(Segmentation(found.bits.inflated(), ct.affine, STRUCTURES.keys, header=ct.header), ct)
    with stage("write", times):
        write_labelmap(path.with_name(f"out_{path.name}"), cleaned.segmentation)
    return {**times, "peak GB": peak_gb() - before, "input GB": ct.voxels.nbytes / 1e9, "windows": len(plan)}


@contextmanager
def stage(name: str, times: dict[str, float]) -> Iterator[None]:
    """Wall and processor seconds of the block."""
    started, spent = time.perf_counter(), time.process_time()
    yield
    times[f"{name} wall"], times[f"{name} cpu"] = time.perf_counter() - started, time.process_time() - spent


def cells(rows: list[dict[str, float]], kind: str) -> list[list[Cell]]:
    """Rows of a table: seconds by the clock ("wall") or of processors ("cpu")."""
    found = []
    for r in rows:
        seconds = [r[f"{name} {kind}"] for name in STAGES]
        found.append([r["size"], r["windows"], *seconds, sum(seconds), r["peak GB"], r["input GB"]])
    return found


if __name__ == "__main__":
    main()
