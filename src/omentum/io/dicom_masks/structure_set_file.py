"""Read masks from the contours of a radiotherapy structure set (RTSTRUCT), on the grid of its CT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError, InputError, warn_of_case
from omentum.io.dicom.damage import damage_errors
from omentum.io.dicom.maker import is_ours
from omentum.io.dicom.open import storage_class
from omentum.io.dicom.uids import STRUCTURE_SET
from omentum.io.dicom_masks.codes import key_by_codes
from omentum.io.dicom_masks.contour_fill import fill
from omentum.io.dicom_masks.contour_planes import Contour, check_planes
from omentum.io.dicom_masks.open_object import damaged, open_object
from omentum.io.seg_nrrd.segments import Segment, named
from omentum.segmentation import BITS_PER_PLANE, Bits, no_bits
from omentum.volume import LPS_FROM_RAS, Grid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

CLOSED = ("CLOSED_PLANAR", "CLOSED_PLANAR_XOR", "CLOSEDPLANAR_XOR")
FLAT_SLICES = 0.5
"""Points of a contour lie at most so many slices beside its mean plane."""


@dataclass(frozen=True, eq=False)
class DicomContours:
    """A structure set before its regions of interest are matched with structures.

    Args:
        segments: Regions of interest with contours on the grid, in file order; `value` is the number.
        grid: Grid of the CT.
        is_ours: Whether this package wrote it.
    """

    segments: tuple[Segment, ...]
    grid: Grid
    is_ours: bool
    _contours: dict[int, list[Contour]] = field(repr=False)
    """Number -> contours."""

    def bits(self, segments: Sequence[Segment]) -> Bits:
        """Packed masks [plane, i, j, k] of some regions, the n-th in bit n."""
        bits = no_bits(len(segments), self.grid.shape[::-1])
        for n, segment in enumerate(segments):
            bit = bits.dtype.type(1 << (n % BITS_PER_PLANE))
            slices: dict[int, list[NDArray[np.float64]]] = {}
            for one in self._contours[segment.value]:
                slices.setdefault(one.slice, []).append(one.corners)
            for k, contours in slices.items():
                bits[n // BITS_PER_PLANE, k][fill(contours, self.grid.shape[:2]).T] |= bit
        return bits.transpose(0, 3, 2, 1)

    def mask(self, segment: Segment) -> NDArray[np.bool_]:
        """Mask [i, j, k] of one region."""
        return np.asarray(self.bits([segment])[0] != 0)


def read_dicom_contours(path: Path, grid: Grid, dataset: Dataset | None = None) -> DicomContours:
    """Read a structure set.

    A region without a closed contour on the CT says nothing of where its structure is, nor that there is none: it is
    left out with a warning.

    Args:
        path: The file.
        grid: Grid of the CT that it was drawn on; its slices are along the third axis.
        dataset: Content of the file, if already read.

    Raises:
        InputError: It is no structure set, damaged, or has no closed contour on the CT.
        GeometryError: Its contours are not in the slices of the CT, or not in each of them.
    """
    dataset = open_object(path) if dataset is None else dataset
    if storage_class(dataset) != STRUCTURE_SET:
        raise InputError("is a DICOM object, but no structure set", source=path)
    try:
        observed = {int(one.ReferencedROINumber): one for one in dataset.get("RTROIObservationsSequence") or ()}
        segments = tuple(_segment(item, observed) for item in dataset.StructureSetROISequence)
        drawn = {int(one.ReferencedROINumber): one for one in dataset.get("ROIContourSequence") or ()}
        inverse = np.asarray(np.linalg.inv(grid.affine), np.float64)
        placed = {number: _placed(item, inverse, path) for number, item in drawn.items()}
    except damage_errors() as fault:
        raise damaged(fault, path) from fault
    ours = is_ours(dataset)
    broken = check_planes(list(placed.values()), grid.spacing_mm[2], path)
    if broken and not ours:  # ours draw every slice of a structure
        warn_of_case(f"{broken} region(s) have slices without a contour between others; left empty there", path)
    kept = {number: [one for one in contours if one.meets(grid.shape)] for number, contours in placed.items()}
    if outside := sum(map(len, placed.values())) - sum(map(len, kept.values())):
        warn_of_case(f"{outside} contour(s) outside of the CT, left out", path)
    drawn_on = tuple(one for one in segments if kept.get(one.value))
    if not drawn_on:
        remedy = "give the CT that it was drawn on"
        raise InputError("has no closed contour on the CT", source=path, remedy=remedy)
    if empty := [one for one in segments if not kept.get(one.value)]:
        warn_of_case(f"regions without a closed contour on the CT, left out: {named(empty)}", path)
    return DicomContours(drawn_on, grid, ours, kept)


def _segment(item: Dataset, observed: dict[int, Dataset]) -> Segment:
    number = int(item.ROINumber)
    codes = observed[number].get("RTROIIdentificationCodeSequence") if number in observed else None
    return Segment(key_by_codes(codes) or "", str(item.get("ROIName") or ""), 0, number)


def _placed(item: Dataset, inverse: NDArray[np.float64], path: Path) -> list[Contour]:
    """Closed contours of a region, in voxel coordinates."""
    contours: list[Contour] = []
    for contour in item.get("ContourSequence") or ():
        if str(contour.ContourGeometricType) not in CLOSED:
            continue
        world = _numbers(contour).reshape(-1, 3) * LPS_FROM_RAS
        index = world @ inverse[:3, :3].T + inverse[:3, 3]
        if len(index) < 3:
            continue
        placed = Contour(index[:, :2], float(index[:, 2].mean()))
        if np.abs(index[:, 2] - placed.height).max() > FLAT_SLICES:
            remedy = "give the CT that they were drawn on"
            raise GeometryError("has contours that do not lie in slices of the CT", source=path, remedy=remedy)
        contours.append(placed)
    return contours


def _numbers(contour: Any) -> NDArray[np.float64]:
    """Coordinates, straight from the text where it was not parsed yet: a contour may have thousands."""
    stored = contour.get_item("ContourData")
    if isinstance(stored.value, bytes):
        return np.array(stored.value.decode("ascii").strip(" \0").split("\\"), np.float64)
    return np.array([float(number) for number in stored.value], np.float64)
