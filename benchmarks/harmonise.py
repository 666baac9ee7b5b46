"""Time and memory of harmonising one whole-trunk label map (512 x 512 x 600, kidneys and lungs without sides).

    python benchmarks/harmonise.py -o benchmarks/results/harmonise.json

The baseline does what the published conversion does with the same map: one dense uint8 channel a structure, and left
from right by connected components of the whole volume (scipy, 26 neighbours) and the first array index. Each runs in
a process of its own; memory is that process's peak above the inputs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable

import numpy as np
from scipy import ndimage

from omentum.anatomy import STRUCTURES
from omentum.data.datasets.recipe_catalogue import bundled_recipes
from omentum.data.harmonise.harmonise import harmonise
from omentum.volume import Grid
from record import Table, publish, result_file

MEASURES = (
    "src/omentum/data/harmonise/harmonise.py",
    "src/omentum/data/harmonise/split_pair.py",
    "src/omentum/midline",
)
COLUMNS = {"what": "{}", "processor seconds": "{:.1f}", "extra MB": "{:.0f}"}
SPACING_MM = (0.75, 0.75, 0.8)
ELLIPSOIDS = {  # centre, half axes (RAS+ mm), value in CT-ORG's numbers
    "right lung": ((75, 0, 300), (70, 100, 140), 3),
    "left lung": ((-75, 0, 300), (70, 100, 140), 3),
    "right kidney": ((60, -40, 100), (30, 30, 55), 4),
    "left kidney": ((-60, -40, 105), (30, 30, 55), 4),
    "liver": ((60, 20, 150), (80, 60, 40), 1),
}
BRIDGE = (slice(220, 292), slice(170, 194), slice(300, 450))
"""Voxels that fuse the lungs in front of the heart, in the harder of the two runs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 512, 600))
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    shape = tuple(arguments.shape)
    rows = []
    for what, run, fused in (
        ("baseline: dense channels, components by index", dense, False),
        ("harmonise", packed, False),
        ("harmonise, lungs fused", packed, True),
    ):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            rows.append((what, *pool.apply(measured, (run, shape, fused))))
    publish(
        arguments.out,
        title=f"Harmonising {' x '.join(map(str, shape))} voxels",
        measures=MEASURES,
        tables={"ways": Table(COLUMNS, rows)},
    )


def measured(run: Callable, shape: tuple[int, int, int], fused: bool) -> tuple[float, float]:
    """Seconds of processor time (other programs do not count), and peak memory above the inputs in MB."""
    native, hu, affine = inputs(shape, fused)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    run(native, hu, affine)
    return time.process_time() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def inputs(shape: tuple[int, int, int], fused: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, CT and affine, stored LPS."""
    affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
    affine[:3, 3] = [shape[0] * SPACING_MM[0] / 2, shape[1] * SPACING_MM[1] / 2, 0]
    x, y, z = (affine[a, a] * n + affine[a, 3] for a, n in enumerate(np.ogrid[tuple(map(slice, shape))]))
    native = np.zeros(shape, np.uint8, order="F")
    for (cx, cy, cz), (a, b, c), value in ELLIPSOIDS.values():
        native[((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 + ((z - cz) / c) ** 2 <= 1] = value
    if fused:
        native[BRIDGE][native[BRIDGE] == 0] = 3
    hu = np.full(shape, -1000, np.int16, order="F")
    hu[np.broadcast_to((x / 180) ** 2 + (y / 130) ** 2 <= 1, shape)] = 40
    hu[np.broadcast_to((x / 20) ** 2 + ((y + 80) / 22) ** 2 <= 1, shape)] = 400
    return native, hu, Grid(shape, affine).affine


def packed(native: np.ndarray, hu: np.ndarray, affine: np.ndarray) -> None:
    """Ours."""
    recipe = bundled_recipes()["ct-org"]
    harmonise(native, affine, recipe.values, recipe.annotated, hu=hu)


def dense(native: np.ndarray, hu: np.ndarray, affine: np.ndarray) -> None:
    """The published way, as far as it can be compared."""
    channels = np.zeros((len(STRUCTURES), *native.shape), np.uint8)
    for value, keys in ((1, ("liver",)), (3, ("right_lung", "left_lung")), (4, ("right_kidney", "left_kidney"))):
        labels, n = ndimage.label(native == value, np.ones((3, 3, 3)))
        parts = sorted(range(1, n + 1), key=lambda part: np.argwhere(labels == part)[:, 0].mean())
        for key, part in zip(keys, reversed(parts), strict=False):
            channels[STRUCTURES[key].index - 1][labels == part] = 1


if __name__ == "__main__":
    main()
