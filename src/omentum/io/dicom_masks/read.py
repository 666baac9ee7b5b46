"""Read a segmentation object or structure set as masks of structures."""

from __future__ import annotations

from pathlib import Path

from omentum.errors import InputError
from omentum.io.dicom_masks.open_object import SEGMENTATIONS, open_object, storage_class
from omentum.io.dicom_masks.segmentation_file import read_dicom_segments
from omentum.io.hosts import with_hosts
from omentum.io.seg_nrrd.read import known_segments
from omentum.segmentation import Segmentation


def read_dicom_masks(path: str | Path) -> Segmentation:
    """Read the masks of a DICOM object.

    Segments are recognised by name, else by their codes. In objects of other programs, a lesion's voxels are also
    added to its host (see `with_hosts`).

    Returns:
        Classes in file order, on the grid of the object: from its first slice with a mask to its last.

    Raises:
        InputError: It is damaged, or holds no masks.
        ForeignLabelsError: Nothing in it is a known structure.
        GeometryError: Its geometry is invalid or unknown.
    """
    path = Path(path)
    dataset = open_object(path)
    if storage_class(dataset) not in SEGMENTATIONS:
        remedy = "give a segmentation object; a CT series is given as its folder"
        raise InputError("is a DICOM file without masks", source=path, remedy=remedy)
    file = read_dicom_segments(path, dataset)
    known = known_segments(file.segments, path)
    seg = Segmentation(file.bits(list(known.values())), file.grid.affine, tuple(known))
    return seg if file.is_ours else with_hosts(seg)
