"""Tiny multi-frame CT images, with frames in any order and attributes of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from dicom_files import AXIAL, save, slice_of
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedCTImageStorage, generate_uid


def item(**tags: Any) -> Items:
    """A sequence with one item."""
    dataset = Dataset()
    for name, value in tags.items():
        setattr(dataset, name, value)
    return Items([dataset])


def group(**sequences: Items) -> Dataset:
    """Functional groups of a frame or of all frames."""
    dataset = Dataset()
    for name, sequence in sequences.items():
        setattr(dataset, name, sequence)
    return dataset


def frames_of(
    hu: NDArray, order: Sequence[int] | None = None, *, per_frame: Mapping[int, Mapping[str, Items]] | None = None
) -> Dataset:
    """An enhanced CT image of `hu` [column, row, slice], placed as by `dicom_files.write_stack`.

    Args:
        hu: Whole HU.
        order: Slice of each frame; ascending by default.
        per_frame: Further functional groups of a slice.
    """
    order = range(hu.shape[2]) if order is None else order
    pixels = np.concatenate([hu[:, :, k].T.astype(int) + 1024 for k in order])
    header = slice_of(pixels, (0, 0, 0), 1, generate_uid(), ImagePositionPatient=None, ImageOrientationPatient=None)
    for name in ("PixelSpacing", "SliceThickness", "RescaleSlope", "RescaleIntercept"):
        delattr(header, name)
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = EnhancedCTImageStorage
    header.Rows, header.Columns, header.NumberOfFrames = hu.shape[1], hu.shape[0], len(order)
    header.SharedFunctionalGroupsSequence = Items(
        [
            group(
                PlaneOrientationSequence=item(ImageOrientationPatient=list(AXIAL)),
                PixelMeasuresSequence=item(PixelSpacing=[0.8, 0.7], SliceThickness=2.5),
                PixelValueTransformationSequence=item(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU"),
            )
        ]
    )
    header.PerFrameFunctionalGroupsSequence = Items(
        [
            group(
                FrameContentSequence=item(FrameAcquisitionNumber=1),
                PlanePositionSequence=item(ImagePositionPatient=[-10.0, -20.0, 100.0 + 2.5 * k]),
                **(per_frame or {}).get(k, {}),
            )
            for k in order
        ]
    )
    return header


def write_frames(path: Path, hu: NDArray, order: Sequence[int] | None = None, **tags: Any) -> Path:
    """Write it as a file; a tag given as None is left out."""
    header = frames_of(hu, order)
    for name, value in tags.items():
        if value is None:
            delattr(header, name)
        else:
            setattr(header, name, value)
    return save(header, path)
