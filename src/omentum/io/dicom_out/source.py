"""The series that DICOM outputs refer to: where each slice lies, which image it is, and whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError, UsageError, silence_library_warnings, warn_of_case
from omentum.io.dicom.geometry import ROUNDED
from omentum.io.dicom.open import storage_class
from omentum.io.dicom.series import SeriesOrder
from omentum.io.dicom.source_image import SourceImage
from omentum.io.dicom.uids import CT_IMAGE
from omentum.io.dicom_out.template import template_of
from omentum.volume import GRID_TOLERANCE_MM, LPS_FROM_RAS, Grid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True)
class ImageReference:
    """An image of the series, as other objects refer to it.

    Args:
        sop_class, sop_instance: UIDs of the image.
        frame_number: Frame of a multi-frame image, counted from 1; None for an image of its own.
        position_mm: Centre of its first pixel, LPS.
    """

    sop_class: str
    sop_instance: str
    frame_number: int | None
    position_mm: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """A series that DICOM outputs refer to.

    Args:
        template: Attributes of patient, study, series, frame of reference and pixels: what a single CT image of the
            series would state, but for its position.
        images: Image of each slice k of `grid`.
        grid: Grid of the images themselves: column, row, slice -> RAS+ mm; sheared for a tilted gantry.
    """

    template: Dataset = field(repr=False)
    images: tuple[ImageReference, ...] = field(repr=False)
    grid: Grid

    @property
    def directions(self) -> tuple[float, ...]:
        """Direction cosines of a row and of a column, LPS (six numbers)."""
        axes = self.grid.affine[:3, :2] / np.linalg.norm(self.grid.affine[:3, :2], axis=0)
        return tuple(float(x) for x in (axes.T * LPS_FROM_RAS).ravel() + 0.0)  # no -0

    @property
    def slice_distance_mm(self) -> float:
        """Distance of neighbouring slices along their normal."""
        row, column = np.reshape(self.directions, (2, 3))
        return float(abs(np.cross(row, column) @ (self.grid.affine[:3, 2] * LPS_FROM_RAS)))


def source_series(header: Mapping[str, Any], grid: Grid, source: str | Path | None = None) -> SourceSeries:
    """Collect what DICOM outputs refer to.

    Args:
        header: `Volume.header` of the CT.
        grid: Grid of the CT.
        source: File or folder of the CT, for messages.

    Raises:
        UsageError: The CT was not read from DICOM.
        GeometryError: The images do not lie where the CT does.
    """
    order = check_has_images(header, source)
    own = order.tilted or grid
    if len(order.images) != own.shape[2]:
        raise GeometryError(f"has {own.shape[2]} slices from {len(order.images)} images", source=source)
    with silence_library_warnings():
        first, images = _references(order.images, own)
        made_up: list[str] = []
        images = _identified(images, made_up)
        template, dropped = template_of(first, own, made_up)
    template.SOPInstanceUID = images[0].sop_instance
    if dropped:
        warn_of_case(f"{', '.join(dropped)} of its DICOM images is not valid, left out of DICOM outputs", source)
    if made_up:
        text = f"its DICOM images have no {', '.join(made_up)} of their own; DICOM outputs refer to made-up ones"
        warn_of_case(f"{text}, by which no viewer finds the images", source)
    return SourceSeries(template, images, own)


def check_has_images(header: Mapping[str, Any], source: str | Path | None = None) -> SeriesOrder:
    """Origin of the slices of a CT that was read from DICOM.

    Raises:
        UsageError: It was read from something else.
    """
    order = header.get("dicom")
    if isinstance(order, SeriesOrder) and order.images:
        return order
    remedy = "give the DICOM series itself as the input"
    raise UsageError("was not read from DICOM, to which DICOM outputs refer", source=source, remedy=remedy)


def _references(sources: Iterable[SourceImage], grid: Grid) -> tuple[Dataset, tuple[ImageReference, ...]]:
    first, found = None, []
    header, dataset = None, None
    for k, one in enumerate(sources):
        if dataset is None or one.header is not header:  # frames of one file share it
            header, dataset = one.header, one.dataset()
        first = dataset if first is None else first
        kind = storage_class(dataset) or CT_IMAGE
        uid = str(dataset.get("SOPInstanceUID") or dataset.file_meta.get("MediaStorageSOPInstanceUID") or "")
        found.append(ImageReference(kind, uid, one.frame_number, _position(dataset, one.frame_number, k, grid)))
    assert first is not None
    return first, tuple(found)


def _position(dataset: Dataset, frame: int | None, k: int, grid: Grid) -> tuple[float, float, float]:
    """Position as the image states it, so that it is repeated to the digit.

    Raises:
        GeometryError: It is not where the slice lies.
    """
    expected = grid.to_world((0, 0, k)) * LPS_FROM_RAS
    stated = _stated(dataset, frame)
    if stated is None:
        return _triple(expected)
    if np.abs(stated - expected).max() > max(GRID_TOLERANCE_MM, ROUNDED * grid.spacing_mm[2]):
        raise GeometryError(f"slice {k + 1} of the CT does not lie where its DICOM image does")
    return _triple(stated)


def _stated(dataset: Dataset, frame: int | None) -> NDArray[np.float64] | None:
    places: list[Any] = [dataset]
    if frame is not None:
        groups = [(dataset.get("PerFrameFunctionalGroupsSequence") or [None] * frame)[frame - 1]]
        groups += list(dataset.get("SharedFunctionalGroupsSequence") or [])
        places = [group.PlanePositionSequence[0] for group in groups if group and group.get("PlanePositionSequence")]
    for place in places:
        if len(numbers := place.get("ImagePositionPatient") or ()) == 3:
            return np.array([float(x) for x in numbers])
    return None


def _identified(images: tuple[ImageReference, ...], made_up: list[str]) -> tuple[ImageReference, ...]:
    """Images with a UID each; where they have none, or share one, they get new ones."""
    from pydicom.uid import generate_uid

    distinct = {(one.sop_instance, one.frame_number) for one in images}
    if len(distinct) == len(images) and all(one.sop_instance for one in images):
        return images
    made_up.append("SOPInstanceUID")
    if any(one.frame_number is not None for one in images):
        uid = str(generate_uid())
        return tuple(replace(one, sop_instance=uid) for one in images)
    return tuple(replace(one, sop_instance=str(generate_uid())) for one in images)


def _triple(numbers: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(n) for n in numbers)
    return x, y, z
