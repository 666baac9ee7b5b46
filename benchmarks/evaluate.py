"""All metrics of a 32-structure pair: this package against MONAI and surface-distance, seconds, memory and values.

    python benchmarks/evaluate.py --shape 512 512 300 -o benchmarks/results/evaluate.json

The pair is drawn: bumpy ellipsoids of the structures' own volumes in a field of view of 400 x 400 x 450 mm, the
prediction displaced and bumpy in another way. Each tool runs alone in a process of its own with one thread; masks are
handed to it as it wants them and only its own work is timed. Processor seconds are compared, so that a busy machine
disturbs little. MONAI gets one structure at a time: 32 channels at once would not fit into memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.evaluate.metrics.tolerances import packaged_tolerances
from omentum.segmentation import Segmentation
from record import Cell, Table, publish, result_file

MEASURES = ("src/omentum/evaluate", "src/omentum/segmentation.py")
NAMES = {"ours": "Omentum", "surface_distance": "surface-distance 0.1", "monai": "MONAI"}
COLUMNS = {
    "tool": "{}",
    "seconds": "{:.1f}",
    "times Omentum": "{:.1f}",
    "peak memory GB": "{:.2f}",
    "of it inputs GB": "{:.2f}",
    "NSD": "{:.1g}",
    "HD95 mm": "{:.1g}",
    "ASSD mm": "{:.1g}",
    "Dice": "{:.1g}",
}
NOTE = (
    "The last four columns are the largest difference from Omentum's value in any structure. MONAI's HD95 and ASSD are "
    "defined differently (surface voxels, unweighted) and must differ; its NSD uses the same areas. Peaks include "
    "drawing the pair."
)
FIELD_MM = np.array([400.0, 400.0, 450.0])
LONGEST_STRETCH = 1.6
"""The longest axis of an ellipsoid over that of the sphere of its volume."""

Values = dict[str, tuple[float, float, float, float]]
"""Structure -> Dice, NSD, HD95 mm, ASSD mm."""


@dataclass(frozen=True)
class Run:
    """What a tool took and said."""

    seconds: float
    peak_gb: float
    inputs_gb: float
    values: Values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(256, 256, 150))
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    runs = {}
    for tool in (ours, surface_distance, monai):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            runs[tool.__name__] = pool.submit(measured, tool, tuple(arguments.shape)).result()
        print(f"{tool.__name__}: {runs[tool.__name__].seconds:.1f} s", file=sys.stderr)
    publish(
        arguments.out,
        title=f"All metrics of {len(STRUCTURES)} structures, {' x '.join(map(str, arguments.shape))} voxels",
        about="One thread each, processor seconds.",
        measures=MEASURES,
        tables={"tools": Table(COLUMNS, rows(runs), notes=[NOTE])},
    )


def measured(tool: Callable[[Segmentation, Segmentation], Values], shape: tuple[int, int, int]) -> Run:
    """Runs in a fresh process, once on a small pair to load everything first."""
    tool(*pair((32, 32, 24)))
    pred, ref = pair(shape)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    values = tool(pred, ref)
    seconds = time.process_time() - start
    return Run(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, before / 1e6, values)


def pair(shape: tuple[int, int, int]) -> tuple[Segmentation, Segmentation]:
    """Prediction and reference on a grid that covers `FIELD_MM`."""
    spacing = FIELD_MM / shape
    affine = np.diag([*spacing, 1.0])
    rng = np.random.default_rng(6)
    bits = np.zeros((2, 1, *shape), np.uint64)
    for k, structure in enumerate(STRUCTURES):
        volume_ml = np.sqrt(np.prod([max(ml, 0.5) for ml in structure.volume_ml]))
        radius_mm = (750 * volume_ml / np.pi) ** (1 / 3)
        stretch = rng.uniform(0.7, LONGEST_STRETCH, 3)
        radii = radius_mm * stretch / np.prod(stretch) ** (1 / 3)
        centre = rng.uniform(np.minimum(1.3 * radii, FIELD_MM / 2), np.maximum(FIELD_MM - 1.3 * radii, FIELD_MM / 2))
        for planes, shift_mm in zip(bits, (rng.normal(0, 0.7, 3), np.zeros(3)), strict=True):
            mark(planes[0], np.uint64(1 << k), (centre + shift_mm, radii, spacing), rng.uniform(0, 6.28, 4))
    pred, ref = (Segmentation(planes, affine, STRUCTURES.keys) for planes in bits)
    return pred, ref


def mark(
    plane: np.ndarray, bit: np.uint64, place: tuple[np.ndarray, np.ndarray, np.ndarray], phases: np.ndarray
) -> None:
    """Set a bit in a bumpy ellipsoid."""
    centre, radii, spacing = place
    low = np.maximum(0, np.floor((centre - 1.2 * radii) / spacing)).astype(int)
    high = np.minimum(plane.shape, np.ceil((centre + 1.2 * radii) / spacing) + 1).astype(int)
    x, y, z = np.ogrid[*(slice(a, b) for a, b in zip(low, high, strict=True))]
    x, y, z = ((v * mm - c) / r for v, mm, c, r in zip((x, y, z), spacing, centre, radii, strict=True))
    a, b, c, d = phases
    bumps = np.sin(5 * x + a) * np.sin(4 * y + b) * np.sin(6 * z + c) + 0.4 * np.sin(11 * (x + y - z) + d)
    box = tuple(slice(*ends) for ends in zip(low, high, strict=True))
    plane[box][x * x + y * y + z * z <= 1 + 0.06 * bumps] |= bit


def ours(pred: Segmentation, ref: Segmentation) -> Values:
    """`omentum.evaluate`: these metrics and precision, recall, HD, volumes, lesions."""
    from omentum.evaluate import evaluate

    scores = evaluate(pred, ref).structures
    return {s.key: (s.dice or 0.0, s.nsd or 0.0, s.hd95_mm or 0.0, s.assd_mm or 0.0) for s in scores}


def surface_distance(pred: Segmentation, ref: Segmentation) -> Values:
    """google-deepmind/surface-distance, one structure after another."""
    import surface_distance as tool

    values = {}
    for key, tolerance in packaged_tolerances().items():
        a, b = ref.mask(key), pred.mask(key)
        far = tool.compute_surface_distances(a, b, ref.grid.spacing_mm)
        ways = tool.compute_average_surface_distance(far)
        areas = far["surfel_areas_gt"].sum(), far["surfel_areas_pred"].sum()
        assd = (ways[0] * areas[0] + ways[1] * areas[1]) / sum(areas)
        nsd = tool.compute_surface_dice_at_tolerance(far, tolerance.mm)
        values[key] = (tool.compute_dice_coefficient(a, b), nsd, tool.compute_robust_hausdorff(far, 95), assd)
    return values


def monai(pred: Segmentation, ref: Segmentation) -> Values:
    """MONAI's functions, one structure after another; its HD95 and ASSD count surface voxels, not areas."""
    import torch
    from monai import metrics

    torch.set_num_threads(1)
    values = {}
    for key, tolerance in packaged_tolerances().items():
        a, b = (torch.from_numpy(seg.mask(key)[None, None].astype(np.uint8)) for seg in (ref, pred))
        common = {"include_background": True, "spacing": ref.grid.spacing_mm}
        nsd = metrics.compute_surface_dice(b, a, [tolerance.mm], use_subvoxels=True, **common)
        hd95 = metrics.compute_hausdorff_distance(b, a, percentile=95, **common)
        assd = metrics.compute_average_surface_distance(b, a, symmetric=True, **common)
        values[key] = tuple(float(v) for v in (metrics.compute_dice(b, a), nsd, hd95, assd))
    return values


def rows(runs: dict[str, Run]) -> list[list[Cell]]:
    """Of the table."""
    base, found = runs["ours"], []
    for name, run in runs.items():
        columns = zip(*(np.abs(np.subtract(run.values[key], base.values[key])) for key in base.values), strict=True)
        dice, *others = (max(column) for column in columns)
        cost = [NAMES[name], run.seconds, run.seconds / base.seconds, run.peak_gb, run.inputs_gb]
        found.append([*cost, *others, dice])
    return found


if __name__ == "__main__":
    main()
