"""Seconds and memory to write masks as DICOM, against highdicom's plain use.

    python benchmarks/dicom_out.py -o benchmarks/results/dicom_out.json

Masks are balls that reach through most slices, so that nearly every structure has a frame in nearly every slice: more
than any body has. highdicom's plain use takes an array with a byte for every structure and voxel, made beforehand; its
memory grows with the slices, so it gets fewer of them. Memory is what is held at most, the packed masks included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from omentum.anatomy import STRUCTURES
from omentum.io.dicom_masks.read import read_dicom_masks
from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.on_images import on_images
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.segmentation_object import described_segment, write_segmentation_object
from omentum.io.dicom_out.source import ImageReference, SourceSeries
from omentum.io.dicom_out.structure_set import write_structure_set
from omentum.segmentation import Segmentation, no_bits
from peak_memory import forget_peak, peak_gb
from record import Cell, Table, publish, result_file

MEASURES = ("src/omentum/io/dicom_out", "src/omentum/io/dicom_masks")
COLUMNS = {"what": "{}", "slices": "{}", "wall s": "{:.1f}", "CPU s": "{:.1f}", "peak GB": "{:.2f}", "MB": "{:.1f}"}
MADE = Producer("0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 512, 800))
    parser.add_argument("--plain-slices", type=int, default=100)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    rows: list[tuple[Cell, ...]] = []

    def timed(name: str, slices: int, run: Callable[[], Any], file: Path) -> Any:
        forget_peak()
        start, cpu = time.perf_counter(), time.process_time()
        result = run()
        took = time.perf_counter() - start, time.process_time() - cpu
        rows.append((name, slices, *took, peak_gb(), file.stat().st_size / 1e6))
        print(rows[-1], flush=True)
        return result

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seg = balls(tuple(arguments.shape))
        source, slices, known = series(seg), seg.shape[2], [frozenset(seg.classes[:2])]
        file = Path(folder, "seg.dcm")

        def write(deflate: bool) -> Any:
            whole = on_images(seg, source.grid)
            made = ObjectIdentity(1, "masks")
            return write_segmentation_object(file, whole, source, made, MADE, deflate=deflate, overlapping=known)

        timed("SEG", slices, lambda: write(False), file)
        back = timed("read SEG", slices, lambda: read_dicom_masks(file), file)
        assert all(np.array_equal(back.mask(key).sum(), seg.mask(key).sum()) for key in seg.classes[:3])
        del back
        timed("SEG, deflated", slices, lambda: write(True), file)
        contours = Path(folder, "rs.dcm")
        made = ObjectIdentity(2, "contours")
        timed("RTSTRUCT", slices, lambda: write_structure_set(contours, seg, source, made, MADE), contours)
        first = (slices - arguments.plain_slices) // 2
        few = seg.part((*(slice(0, n) for n in seg.shape[:2]), slice(first, first + arguments.plain_slices)))
        timed("SEG by highdicom's plain use", few.shape[2], lambda: plain(few, file), file)
    publish(
        arguments.out,
        title="DICOM segmentations and structure sets",
        about=f"{len(STRUCTURES.default_keys)} structures on {' x '.join(map(str, arguments.shape))}.",
        measures=MEASURES,
        tables={"objects": Table(COLUMNS, rows)},
    )


def balls(shape: tuple[int, ...]) -> Segmentation:
    keys = STRUCTURES.default_keys
    bits = no_bits(len(keys), shape)
    i, j = np.ogrid[: shape[0], : shape[1]]
    for k in range(shape[2]):
        for n in range(len(keys)):
            middle = shape[0] * (0.3 + 0.4 * (n % 7) / 6), shape[1] * (0.3 + 0.4 * (n % 5) / 4)
            inside = (20 + 2 * n) ** 2 * (1 - ((k - shape[2] / 2) / (0.49 * shape[2])) ** 2)
            bits[0, :, :, k][(i - middle[0]) ** 2 + (j - middle[1]) ** 2 < inside] |= np.uint32(1 << n)
    affine = np.diag([-0.7, -0.7, 1.0, 1.0])
    return Segmentation(bits, affine, keys)


def images(seg: Segmentation) -> list[Dataset]:
    """A data set for each slice."""
    study, series_uid, frame = generate_uid(), generate_uid(), generate_uid()
    made = []
    for k in range(seg.shape[2]):
        one = Dataset()
        one.SOPClassUID, one.SOPInstanceUID, one.Modality = "1.2.840.10008.5.1.4.1.1.2", generate_uid(), "CT"
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series_uid, frame
        for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime"):
            setattr(one, name, "")
        one.AccessionNumber = one.ReferringPhysicianName = one.PositionReferenceIndicator = ""
        one.Columns, one.Rows = seg.shape[:2]
        one.PixelSpacing, one.SliceThickness, one.ImagePositionPatient = [0.7, 0.7], 1.0, [0.0, 0.0, float(k)]
        one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        made.append(one)
    return made


def series(seg: Segmentation) -> SourceSeries:
    every = images(seg)
    places = [
        ImageReference(one.SOPClassUID, one.SOPInstanceUID, None, (0.0, 0.0, float(k))) for k, one in enumerate(every)
    ]
    template = every[0]
    del template.ImagePositionPatient, template.ImageOrientationPatient
    return SourceSeries(template, tuple(places), seg.grid)


def plain(seg: Segmentation, path: Path) -> None:
    array = np.stack([seg.mask(key).transpose(2, 1, 0) for key in seg.classes], axis=-1).astype(np.uint8)
    highdicom.seg.Segmentation(
        images(seg),
        array,
        "BINARY",
        [described_segment(n, key, MADE) for n, key in enumerate(seg.classes, start=1)],
        **ObjectIdentity(1, "masks").arguments(),
        **MADE.equipment(),
    ).save_as(path)


if __name__ == "__main__":
    main()
