"""A DICOM series with masks of which no mirror image or turn equals the original, in any direction of slices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from dicom_files import save, slice_of
from numpy.typing import NDArray
from pydicom.uid import generate_uid

from omentum.io.dicom.series import read_series
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SHAPE = (13, 11, 7)
"""Columns, rows, slices; 143 pixels, no whole number of bytes."""
ANGLE = np.radians(20)
TURNED = (float(np.cos(ANGLE)), float(np.sin(ANGLE)), 0.0, 0.0, 0.0, -1.0)
"""Coronal, turned about the long axis of the body."""
LAYOUTS: dict[str, tuple[tuple[float, ...], float]] = {
    "axial, head first": ((1.0, 0.0, 0.0, 0.0, 1.0, 0.0), 2.5),
    "axial, feet first": ((-1.0, 0.0, 0.0, 0.0, 1.0, 0.0), 2.5),
    "prone": ((-1.0, 0.0, 0.0, 0.0, -1.0, 0.0), 3.0),
    "decubitus": ((0.0, 1.0, 0.0, -1.0, 0.0, 0.0), 1.25),
    "sagittal": ((0.0, 1.0, 0.0, 0.0, 0.0, -1.0), 4.0),
    "oblique": (TURNED, 5.0),
}
"""Directions of rows and columns, and distance of slices."""

IDENTITY = {
    "PatientName": "Doe^Jane",
    "PatientID": "PID-1",
    "PatientBirthDate": "19560102",
    "PatientSex": "F",
    "StudyDate": "20200304",
    "StudyTime": "101112",
    "AccessionNumber": "ACC-1",
    "StudyID": "S1",
    "ReferringPhysicianName": "Roe^Richard",
    "InstitutionName": "General Hospital",
}


def write_series(
    folder: Path,
    directions: tuple[float, ...],
    step_mm: float,
    *,
    shape: tuple[int, int, int] = SHAPE,
    lean_mm: tuple[float, ...] = (0.0, 0.0, 0.0),
    **tags: object,
) -> Path:
    """Slices against the normal, in an order that neither names nor instance numbers tell; every voxel -50 HU.

    They lean by `lean_mm` a slice, as from a tilted gantry.
    """
    columns, rows, slices = shape
    normal = np.cross(directions[:3], directions[3:])
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    for n in range(slices):
        position = np.array([-10.5, -20.25, 100.125]) - n * (step_mm * normal + lean_mm)
        pixels = np.full((rows, columns), 974)
        known = {**IDENTITY, "StudyInstanceUID": study, "FrameOfReferenceUID": frame, "SliceThickness": step_mm, **tags}
        header = slice_of(pixels, tuple(position), (n * 3) % slices + 1, series, **known)
        header.ImageOrientationPatient = list(directions)
        save(header, folder / f"{(n * 5) % slices}")
    return folder


def series_of(folder: Path, directions: tuple[float, ...], step_mm: float, **more: object) -> Volume:
    return read_series(write_series(folder, directions, step_mm, **more))  # type: ignore[arg-type]


def masks_on(shape: tuple[int, int, int]) -> dict[str, NDArray[np.bool_]]:
    """Three masks: an asymmetric one with a hole, one that overlaps it, one elsewhere; and one without a voxel."""
    liver, tumour, spleen = (np.zeros(shape, bool) for _ in range(3))
    liver[1:8, 2:9, 1:5] = True
    liver[1:3, 2:4] = False
    liver[4:6, 5:7, 2:4] = False
    tumour[6:9, 3:5, 3] = True
    spleen[10, 1:10, 2:6:3] = True
    spleen[11:, 9, 2] = True
    return {"liver": liver, "liver_tumour": tumour, "aorta": np.zeros(shape, bool), "spleen": spleen}


def masks_of(ct: Volume) -> Segmentation:
    return Segmentation.from_masks(masks_on(ct.shape), ct.affine)


def points_mm(seg: Segmentation, names: Mapping[str, str] | None = None) -> dict[str, list[list[float]]]:
    """Centres of the voxels of each structure that has any, in the patient, sorted."""
    found = {key: np.argwhere(seg.mask(key)) for key in seg.classes}
    return {
        (names or {}).get(key, key): sorted((np.round(seg.grid.to_world(at), 2) + 0.0).tolist())
        for key, at in found.items()
        if len(at)
    }
