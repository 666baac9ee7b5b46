"""Seconds to clean 32 structures of a whole trunk, by our rules, the published ones, and a plain whole-volume way.

    python benchmarks/postprocess.py -o benchmarks/results/postprocess.json

The masks are a procedural phantom's, enlarged to the shape asked for. --dirt adds so many small balls and as many
cavities to each mask, half of the balls near the structure and half anywhere: what a weak model leaves to clean.
The plain way is the largest component of the whole boolean volume by SciPy, once a structure and nothing else; it is
run on one structure and multiplied. CPU seconds are what a machine that does nothing else needs on one core.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
from scipy import ndimage

from omentum.anatomy import STRUCTURES
from omentum.phantom import make_case
from omentum.phantom.case import CaseOptions
from omentum.phantom.procedural import BodyOptions
from omentum.postprocess import clean, clean_as_published
from omentum.segmentation import Segmentation
from omentum.volume import Volume
from record import Cell, Table, publish, result_file

MEASURES = ("src/omentum/postprocess",)
COLUMNS = {"what": "{}", "wall s": "{:.1f}", "CPU s": "{:.1f}", "process peak GiB": "{:.2f}", "voxels changed": "{}"}

KIB_PER_GIB = 1 << 20
"""ru_maxrss counts KiB."""
SCENE_MM = 4.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 512, 600))
    parser.add_argument("--dirt", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    ct, seg = scene(tuple(arguments.shape), arguments.seed)
    held = (ct.voxels.nbytes + seg.bits.nbytes) / 2**30
    about = (
        f"{len(seg.present())} structures on {' x '.join(map(str, seg.shape))}; CT and packed bits take {held:.2f} "
        f"GiB, the clean scene's peak was {peak_gib():.2f} GiB."
    )
    rows = []
    for name, dirt in (("clean masks", 0), ("dirty masks", arguments.dirt)):
        soil(seg, dirt, arguments.seed)
        rows.append(row(f"{name}, omentum", seg, lambda s: clean(s, ct, in_place=True)))
        rows.append(row(f"{name}, published", seg, lambda s: clean_as_published(s, in_place=True)))
    start, cpu = time.perf_counter(), time.process_time()
    plain(seg.mask("liver"))
    wall, cpu = (len(seg.classes) * s for s in (time.perf_counter() - start, time.process_time() - cpu))
    rows.append(("dirty masks, largest component by SciPy (one structure x 32)", wall, cpu, None, None))
    tables = {"ways": Table(COLUMNS, rows)}
    publish(arguments.out, title="Cleaning", about=about, measures=MEASURES, tables=tables)


def row(name: str, seg: Segmentation, run: Callable[[Segmentation], object]) -> tuple[Cell, ...]:
    """A line of the table; works on a copy, which is not counted."""
    work = Segmentation(seg.bits.copy(), seg.affine, seg.classes)
    start, cpu = time.perf_counter(), time.process_time()
    run(work)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    changed = int(np.count_nonzero(work.bits != seg.bits))
    return name, wall, cpu, peak_gib(), changed


def scene(shape: tuple[int, int, int], seed: int) -> tuple[Volume, Segmentation]:
    """A whole trunk with every structure, enlarged without interpolation."""
    body = BodyOptions(sex="m", extent="whole", missing=())
    case = make_case(seed, (SCENE_MM,) * 3, options=CaseOptions(body=body))
    small = case.ct.shape
    at = np.ix_(*(np.arange(n) * m // n for n, m in zip(shape, small, strict=True)))
    affine = case.ct.affine @ np.diag([*(m / n for n, m in zip(shape, small, strict=True)), 1.0])
    truth = case.truth.subset(STRUCTURES.keys)
    bits = np.ascontiguousarray(truth.bits[0][at])[None]
    return Volume(case.ct.voxels[at].astype(np.int16), affine), Segmentation(bits, affine, truth.classes)


def soil(seg: Segmentation, number: int, seed: int) -> None:
    """Add balls and cavities to every mask, in place."""
    rng, boxes = np.random.default_rng(seed), seg.boxes()
    everywhere = tuple(slice(0, n) for n in seg.shape)
    for n, key in enumerate(seg.classes):
        bit, near = np.uint64(1 << n), boxes.get(key, everywhere)
        for k in range(number):
            where, ball = random_ball(rng, seg.shape, near)
            seg.bits[0][where][ball] &= ~bit
            where, ball = random_ball(rng, seg.shape, everywhere if k % 2 else near)
            seg.bits[0][where][ball] |= bit


def random_ball(rng: np.random.Generator, shape, within) -> tuple[tuple[slice, ...], np.ndarray]:
    """A box and the ball in it; radius 2 to 7 voxels, centre in a box."""
    centre, radius = [int(rng.integers(s.start, s.stop)) for s in within], int(rng.integers(2, 8))
    box = tuple(slice(max(0, c - radius), min(n, c + radius + 1)) for c, n in zip(centre, shape, strict=True))
    offsets = np.ogrid[tuple(slice(s.start - c, s.stop - c) for s, c in zip(box, centre, strict=True))]
    return box, sum(o**2 for o in offsets) <= radius**2


def plain(mask: np.ndarray) -> np.ndarray:
    """The largest component, as one would write it."""
    labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    return labels == np.bincount(labels.ravel())[1:].argmax() + 1


def peak_gib() -> float:
    """Most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_GIB


if __name__ == "__main__":
    main()
