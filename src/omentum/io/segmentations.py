"""A segmentation wherever it lies: all masks, a label map, or the folder of a case that holds one of them."""

from __future__ import annotations

from pathlib import Path

from omentum.errors import InputError
from omentum.io.labels import has_label_table, read_labelmap
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.seg_nrrd.segments import is_seg_nrrd
from omentum.io.truth import DESCRIPTION, read_truth
from omentum.result_files import SEGMENTATIONS, segmentation_in
from omentum.segmentation import Segmentation


def read_segmentation(path: str | Path, *, may_be_empty: bool = False) -> Segmentation:
    """Read the masks of a case.

    Args:
        path: The folder that `omentum segment` or `omentum phantom` wrote for a case; a `.seg.nrrd`, of 3D Slicer, too;
            or a NIfTI label map in the template's numbers. What a file is, its first bytes say.
        may_be_empty: Of a label map, see `omentum.io.labels.read_labelmap`.

    Returns:
        Every mask that the file holds, on the file's grid. A label map has one number a voxel: of what others are
        painted over it has less, see `read_labelmap`.

    Raises:
        InputError: not there, damaged, or no segmentation.
        ForeignLabelsError: its names or numbers are not ours.
        GeometryError: impossible or unknown geometry.
        UsageError: it brings along structures that mean something else in this process.
    """
    path = Path(path)
    if path.is_dir() and (path / DESCRIPTION).is_file():
        return read_truth(path)[0]
    if path.is_dir():
        path = _inside(path)
    return read_seg_nrrd(path) if is_seg_nrrd(path) else read_labelmap(path, may_be_empty=may_be_empty)


def names_its_structures(path: Path) -> bool:
    """Whether a file says itself which structures it can hold, drawn or not.

    Raises:
        InputError: unreadable.
    """
    return is_seg_nrrd(path) or has_label_table(path)


def _inside(folder: Path) -> Path:
    if (found := segmentation_in(folder)) is None:
        raise InputError(f"holds no {' or '.join(SEGMENTATIONS)}", source=folder, remedy="give the folder of a case")
    return found
