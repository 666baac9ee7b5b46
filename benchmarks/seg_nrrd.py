"""Seconds to write and read all masks of a large case as segmentation.seg.nrrd, and its label map beside it.

    python benchmarks/seg_nrrd.py -o benchmarks/results/seg_nrrd.json

The masks are a procedural phantom's, enlarged to the shape asked for; the pancreas reaches under the portal vein, and a
tumour lies in a vessel of the liver. What overlaps is counted for the measurements anyway, and stands by itself. CPU
seconds are what a machine that does nothing else needs on one core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from omentum.io.labels import read_labelmap
from omentum.io.nifti import write_labelmap
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.segmentation import BITS_PER_PLANE, Segmentation, overlaps
from postprocess import scene
from record import Cell, Table, publish, result_file

MEASURES = ("src/omentum/io/seg_nrrd", "src/omentum/segmentation.py")
COLUMNS = {"what": "{}", "wall s": "{:.2f}", "CPU s": "{:.2f}", "MiB": "{:.2f}"}
MIB = 1 << 20
TUMOUR_MM = 15
REPEATS = 3
"""The fastest counts: what else the machine does only ever adds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 512, 300))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    seg = overlapping(scene(tuple(arguments.shape), arguments.seed)[1])
    rows: list[tuple[Cell, ...]] = []

    def timed(name: str, run: Callable[[], Any], file: Path | None = None) -> Any:
        took = []
        for _ in range(REPEATS):
            start, cpu = time.perf_counter(), time.process_time()
            result = run()
            took.append((time.perf_counter() - start, time.process_time() - cpu))
        rows.append((name, *map(min, zip(*took, strict=True)), file.stat().st_size / MIB if file else None))
        return result

    with tempfile.TemporaryDirectory() as folder:
        masks, label_map = Path(folder, "s.seg.nrrd"), Path(folder, "s.nii.gz")
        shared = timed("which structures overlap", lambda: overlaps(seg))
        timed("write segmentation.seg.nrrd", lambda: write_seg_nrrd(masks, seg, shared), masks)
        timed("write segmentation.nii.gz", lambda: write_labelmap(label_map, seg), label_map)
        back = timed("read segmentation.seg.nrrd", lambda: read_seg_nrrd(masks))
        timed("read segmentation.nii.gz", lambda: read_labelmap(label_map))
    assert back.classes == seg.classes
    np.testing.assert_array_equal(back.bits, seg.bits)
    publish(
        arguments.out,
        title="All masks in one file",
        about=f"{len(seg.present())} structures on {' x '.join(map(str, seg.shape))}, up to "
        f"{max(map(len, shared))} in one voxel. Bits read back are those written.",
        measures=MEASURES,
        tables={"files": Table(COLUMNS, rows)},
    )


def overlapping(seg: Segmentation) -> Segmentation:
    """The same masks, with the pancreas under the portal vein and a tumour in a vessel of the liver."""
    bits = seg.bits.copy()
    inside = ndimage.binary_dilation(seg.mask("pancreas"), iterations=6) & seg.mask("portal_splenic_vein")
    vessel = np.argwhere(seg.mask("hepatic_vessel"))
    middle = vessel[len(vessel) // 2]
    away_mm = np.linalg.norm((np.indices(seg.shape).T - middle) * seg.grid.spacing_mm, axis=-1).T
    tumour = away_mm < TUMOUR_MM
    for key, mask in (("pancreas", inside), ("hepatic_vessel_tumour", tumour)):
        plane, bit = divmod(seg.classes.index(key), BITS_PER_PLANE)
        bits[plane][mask] |= bits.dtype.type(1 << bit)
    return Segmentation(bits, seg.affine, seg.classes)


if __name__ == "__main__":
    main()
