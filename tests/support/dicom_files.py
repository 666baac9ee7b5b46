"""Tiny DICOM series, written slice by slice, with whatever should be wrong with them."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from omentum.io.dicom.codecs import check_decodable
from omentum.io.dicom.files import find_slices
from omentum.io.dicom.pixels import PixelReader

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def slice_of(pixels: NDArray, position: tuple[float, ...], number: int, series: str, **tags: Any) -> Dataset:
    """A CT slice of 16-bit pixels [row, column]; a tag given as None is left out."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = CTImageStorage
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID = generate_uid()
    header.SeriesInstanceUID, header.SeriesNumber, header.InstanceNumber = series, 3, number
    header.Modality, header.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.Rows, header.Columns = pixels.shape
    header.PixelSpacing, header.SliceThickness = [0.8, 0.7], 2.5
    header.ImagePositionPatient, header.ImageOrientationPatient = list(position), list(AXIAL)
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 1
    header.RescaleSlope, header.RescaleIntercept = 1, -1024
    header.PixelData = pixels.astype("<i2").tobytes()
    for name, value in tags.items():
        if value is None:
            delattr(header, name)
        else:
            setattr(header, name, value)
    return header


def save(header: Dataset, path: Path) -> Path:
    """Write it with a preamble."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)
    return path


def hu_of(path: Path, reader: PixelReader | None = None) -> NDArray:
    """HU of a file with one slice, by its header and pixels alone."""
    (one,), _ = find_slices(path)
    check_decodable([one])
    with nullcontext(reader) if reader else PixelReader() as ready:
        return ready.hu(one)


def write_stack(folder: Path, hu: NDArray, step_mm: float = 2.5, name: str = "image_{n}", **tags: Any) -> list[Path]:
    """An axial series of `hu` [column, row, slice], slices towards the head, named in the opposite order.

    Positions follow the instance numbers, which run from the head down; pass `ImagePositionPatient=None` for none.
    """
    series = generate_uid()
    paths = []
    for k in range(hu.shape[2]):
        n = hu.shape[2] - 1 - k
        stored = np.rint(hu[:, :, k].T).astype(int) + 1024
        header = slice_of(stored, (-10.0, -20.0, 100.0 + step_mm * k), n + 1, series, **tags)
        paths.append(save(header, folder / name.format(n=n)))
    return paths


def stack_affine(step_mm: float = 2.5) -> NDArray[np.float64]:
    """RAS+ affine of what `write_stack` writes."""
    affine = np.diag([-0.7, -0.8, step_mm, 1.0])
    affine[:3, 3] = 10.0, 20.0, 100.0
    return affine
