"""Write a CT series as DICOM files, one per slice, minimal and deterministic.

Slices are axial as written by scanners: columns run to the patient's left, rows to the back, and instance numbers
ascend from the feet. File names are arbitrary and need not sort in that order.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omentum.atomic import replacing_folder
from omentum.errors import GeometryError, MissingDependencyError
from omentum.io.dicom.uids import CT_IMAGE
from omentum.volume import LPS_FROM_RAS, Volume

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

INTERCEPT_HU = -1024


def write_series(
    folder: str | Path, volume: Volume, name: Callable[[int], str], *, series: str, intercept: int = INTERCEPT_HU
) -> None:
    """Write a volume as a CT series.

    Args:
        folder: Output folder; created if missing.
        volume: Axes in LPS order (columns, rows, slices), integers from `intercept` to `intercept` + 65535.
        name: File name of the n-th slice, counted from 0.
        series: Seed of the UIDs; must differ between series.
        intercept: RescaleIntercept.

    Raises:
        GeometryError: The axes are not in LPS order.
        MissingDependencyError: pydicom is not installed.
        OutputError: A file cannot be written.
    """
    if volume.orientation != "LPS":
        raise GeometryError(f"a series is written from LPS order, not {volume.orientation}", source=folder)
    stored = (np.rint(volume.voxels).astype(np.int64) - intercept).clip(0, 65535).astype(np.uint16)
    dataset = _dataset(volume, series, intercept)
    with replacing_folder(Path(folder)) as new:
        for k in range(volume.shape[2]):
            _put_slice(dataset, volume, k, series)
            _put_pixels(dataset, stored[:, :, k].T)
            dataset.save_as(new / name(k), enforce_file_format=True)


def _dataset(volume: Volume, series: str, intercept: int) -> FileDataset:
    """Attributes common to all slices of a series."""
    try:
        from pydicom.dataset import FileDataset, FileMetaDataset
        from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
    except ImportError as fault:
        raise MissingDependencyError("DICOM needs pydicom", remedy="pip install 'omentum[dicom]'") from fault
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(CT_IMAGE)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = CT_IMAGE
    dataset.Modality, dataset.PatientID, dataset.PatientName = "CT", "anonymous", "anonymous"
    for level in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(dataset, level, generate_uid(entropy_srcs=[series, level]))
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = intercept, 1, "HU"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    _put_directions(dataset, volume)
    return dataset


def _put_directions(dataset: FileDataset, volume: Volume) -> None:
    column_mm, row_mm, slice_mm = volume.spacing_mm
    directions = (volume.affine[:3, :2] / (column_mm, row_mm)).T * LPS_FROM_RAS
    dataset.ImageOrientationPatient = _decimals(directions.ravel())
    dataset.PixelSpacing = _decimals((row_mm, column_mm))
    dataset.SliceThickness = _decimals((slice_mm,))[0]


def _put_slice(dataset: FileDataset, volume: Volume, k: int, series: str) -> None:
    from pydicom.uid import generate_uid

    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[series, str(k)])
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.InstanceNumber = k + 1
    dataset.ImagePositionPatient = _decimals(volume.grid.to_world((0, 0, k)) * LPS_FROM_RAS)


def _put_pixels(dataset: FileDataset, rows: NDArray[np.uint16]) -> None:
    dataset.Rows, dataset.Columns = rows.shape
    dataset.PixelData = np.ascontiguousarray(rows).astype("<u2").tobytes()


def _decimals(values: Any) -> list[str]:
    """Format numbers as DICOM decimal strings of at most 16 characters."""
    return [f"{value:.10g}"[:16] for value in np.asarray(values, float) + 0.0]
