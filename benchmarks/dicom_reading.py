"""Seconds and memory to read long DICOM series: our reader, and SimpleITK's ImageSeriesReader.

    python benchmarks/dicom_reading.py -o benchmarks/results/dicom_reading.json

Series of 512 x 512 slices of a noisy cylinder are written to a temporary folder, uncompressed and as lossless JPEG 2000
(some slices, repeated). Each reader runs in a process of its own, in turn, and the fastest of its runs counts; the
files come from memory. SimpleITK sorts by position too, and checks nothing else. Its voxels must equal ours.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from record import Cell, Table, publish, result_file

MEASURES = ("src/omentum/io/dicom",)
COLUMNS = {
    "series": "{}",
    "reader": "{}",
    "s": "{:.2f}",
    "CPU s": "{:.2f}",
    "GB": "{:.2f}",
    "with its processes GB": "{:.2f}",
    "times as fast": "{:.2f}",
}
SIDE, DISTINCT = 512, 20
SPACING_MM = 0.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, nargs="+", default=(300, 1000))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("READER", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measured(READERS[arguments.one[0]], Path(arguments.one[1]))))
        return
    rows: list[tuple[Cell, ...]] = []
    for count in arguments.slices:
        for encoding in ("uncompressed", "JPEG 2000"):
            with tempfile.TemporaryDirectory() as folder:
                write(Path(folder), count, encoding)
                rows += compared(f"{count} slices, {encoding}", Path(folder), arguments.repeats)
    publish(
        arguments.out,
        title="Reading long DICOM series",
        about="GB is the peak of the reading process, beyond what it held before. CPU seconds count all processes.",
        measures=MEASURES,
        tables={"reading": Table(COLUMNS, rows)},
    )


def compared(name: str, folder: Path, repeats: int) -> list[tuple[Cell, ...]]:
    """Rows of both readers; they take turns."""
    runs: dict[str, list[dict[str, Any]]] = {reader: [] for reader in READERS}
    for _ in range(repeats):
        for reader, found in runs.items():
            command = [sys.executable, __file__, "--one", reader, str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found.append(json.loads(done.stdout))
    assert len({run["sum"] for found in runs.values() for run in found}) == 1, "voxels differ"
    best = {reader: min(found, key=lambda run: run["s"]) for reader, found in runs.items()}
    figures = ("s", "cpu", "gb", "gb_all")
    baseline = best["SimpleITK"]["s"]
    return [(name, reader, *(run[key] for key in figures), baseline / run["s"]) for reader, run in best.items()]


def measured(read: Callable[[Path], NDArray[Any]], folder: Path) -> dict[str, float]:
    """Time and memory of one reader, and a sum over all voxels that depends on their order."""
    before, start = _peak_gb(resource.RUSAGE_SELF), time.perf_counter()
    voxels = read(folder)
    seconds, gb = time.perf_counter() - start, _peak_gb(resource.RUSAGE_SELF) - before
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    children = _peak_gb(resource.RUSAGE_CHILDREN)
    total = int((voxels.sum(axis=(0, 1), dtype=np.int64) * np.arange(1, voxels.shape[2] + 1)).sum())
    cpu = sum(one.ru_utime + one.ru_stime for one in used)
    return {"s": seconds, "cpu": cpu, "gb": gb, "gb_all": gb + 2 * children, "sum": total}


def ours(folder: Path) -> NDArray[Any]:
    from omentum.io.dicom.series import read_series

    return read_series(folder).voxels


def simple_itk(folder: Path) -> NDArray[Any]:
    import SimpleITK

    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return SimpleITK.GetArrayFromImage(reader.Execute()).transpose(2, 1, 0)


READERS = {"omentum": ours, "SimpleITK": simple_itk}


def _peak_gb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss * 1024 / 1e9


def write(folder: Path, count: int, encoding: str) -> None:
    """A series whose file names are in no order."""
    from pydicom.uid import JPEG2000Lossless, generate_uid

    images = [slice_of(n) for n in range(DISTINCT)]
    if encoding != "uncompressed":
        for image in images:
            image.compress(JPEG2000Lossless, generate_instance_uid=False)
    for k in range(count):
        image = deepcopy(images[k % DISTINCT])
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = generate_uid()
        image.InstanceNumber, image.ImagePositionPatient = k + 1, [-180.0, -180.0, SPACING_MM * k]
        image.save_as(folder / f"IM{(k * 7919) % count:05d}", enforce_file_format=True)


def slice_of(seed: int) -> Any:
    """A cylinder of water with a ring of bone, 15 HU of noise, and a header of the usual length."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    radius = np.hypot(x, y * 1.3) + 5 * np.sin(seed)
    hu = np.select([radius < 150, radius < 160, radius < 200], [40, 700, -100], -1000)
    hu = hu + np.random.default_rng(seed).normal(0, 15, hu.shape)
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
    image.SeriesInstanceUID, image.StudyInstanceUID, image.SeriesNumber = "1.2.3", "1.2", 3
    image.Modality, image.ImageType, image.PatientID = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"], "phantom"
    image.PixelSpacing, image.SliceThickness, image.ImageOrientationPatient = [0.7, 0.7], SPACING_MM, [1, 0, 0, 0, 1, 0]
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = 1, -1024, "HU"
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.Rows = image.Columns = SIDE
    image.PixelData = (np.rint(hu) + 1024).clip(0, 4095).astype("<u2").tobytes()
    image["PixelData"].VR = "OW"
    for n in range(60):  # what scanners add
        image.add_new((0x0009, 0x1000 + n), "LO", f"private value {n}")
    image.add_new((0x0009, 0x0010), "LO", "PHANTOM")
    return image


if __name__ == "__main__":
    main()
