"""Read a segmentation object or structure set as masks of structures."""

from __future__ import annotations

from pathlib import Path

from omentum.errors import GeometryError, InputError
from omentum.io.dicom.open import storage_class
from omentum.io.dicom.uids import STRUCTURE_SET
from omentum.io.dicom_masks.open_object import SEGMENTATIONS, open_object
from omentum.io.dicom_masks.segmentation_file import DicomSegments, read_dicom_segments
from omentum.io.dicom_masks.structure_set_file import DicomContours, read_dicom_contours
from omentum.io.hosts import with_hosts
from omentum.io.seg_nrrd.read import known_segments
from omentum.segmentation import Segmentation
from omentum.volume import Grid


def read_dicom_masks(path: str | Path, grid: Grid | None = None) -> Segmentation:
    """Read the masks of a DICOM object.

    Segments are recognised by name, else by their codes. In objects of other programs, a lesion's voxels are also
    added to its host (see `with_hosts`).

    Args:
        path: A segmentation object or a structure set.
        grid: Grid of the CT: contours need it, and its third axis is that of the slices; frames that lie on its slices
            are as far apart as these.

    Returns:
        Classes in file order. The masks of a segmentation object are on its own grid, from its first slice with a mask
        to its last; contours are drawn on the grid of the CT.

    Raises:
        InputError: It is damaged, or holds no masks.
        ForeignLabelsError: Nothing in it is a known structure.
        GeometryError: Its geometry is invalid or unknown, or `grid` is needed.
    """
    path = Path(path)
    file = open_segments(path, grid)
    known = known_segments(file.segments, path)
    seg = Segmentation(file.bits(list(known.values())), file.grid.affine, tuple(known))
    return seg if file.is_ours else with_hosts(seg)


def open_segments(path: Path, grid: Grid | None = None) -> DicomSegments | DicomContours:
    """Read an object before its segments are matched with structures; see `read_dicom_masks`."""
    dataset = open_object(path)
    kind = storage_class(dataset)
    if kind in SEGMENTATIONS:
        return read_dicom_segments(path, dataset, grid)
    if kind != STRUCTURE_SET:
        remedy = "give a segmentation object or structure set; a CT series is given as its folder"
        raise InputError("is a DICOM file without masks", source=path, remedy=remedy)
    if grid is None:
        remedy = "convert it to masks on its CT, for example with plastimatch convert"
        raise GeometryError("holds contours, which say nothing of the voxels of their CT", source=path, remedy=remedy)
    return read_dicom_contours(path, grid, dataset)
