"""Read a segmentation from any supported source: `.seg.nrrd`, label map, or case folder."""

from __future__ import annotations

from pathlib import Path

from omentum.errors import InputError
from omentum.io.dicom.open import is_dicom_file
from omentum.io.dicom_masks.read import read_dicom_masks
from omentum.io.labels import has_label_table, read_labelmap
from omentum.io.pad_crop import pad_or_crop
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.seg_nrrd.segments import is_seg_nrrd
from omentum.io.truth import DESCRIPTION, read_truth
from omentum.result_files import SEGMENTATIONS, segmentation_in
from omentum.segmentation import Segmentation
from omentum.volume import Grid


def read_segmentation(path: str | Path, *, may_be_empty: bool = False, grid: Grid | None = None) -> Segmentation:
    """Read the masks of a case.

    Args:
        path: A case folder written by `omentum segment` or `omentum phantom`; a `.seg.nrrd`, also of 3D Slicer; or a
            label map (NIfTI, NRRD, MetaImage) in the template's values; a DICOM segmentation, or a structure set
            (RTSTRUCT). The format is detected from the first bytes.
        may_be_empty: For a label map, see `omentum.io.labels.read_labelmap`.
        grid: Grid of the CT, if known: contours need it, and a DICOM segmentation, which has no slices without masks,
            is extended to it.

    Returns:
        All masks in the file, on its grid. A label map stores one value per voxel, so structures that are painted over
            are
        incomplete; see `read_labelmap`.

    Raises:
        InputError: The path does not exist, is damaged, or is not a segmentation.
        ForeignLabelsError: Names or values are not ours.
        GeometryError: The geometry is invalid or unknown.
        UsageError: The file carries structures with another meaning than in this process.
    """
    path = Path(path)
    if path.is_dir() and (path / DESCRIPTION).is_file():
        return read_truth(path)[0]
    if path.is_dir():
        path = _inside(path)
    if is_dicom_file(path):
        seg = read_dicom_masks(path, grid)
        return seg if grid is None else pad_or_crop(seg, grid)
    return read_seg_nrrd(path) if is_seg_nrrd(path) else read_labelmap(path, may_be_empty=may_be_empty)


def names_its_structures(path: Path) -> bool:
    """Whether a file lists the structures it can contain, present or not.

    Raises:
        InputError: The file is unreadable.
    """
    return holds_named_masks(path) or has_label_table(path)


def holds_named_masks(path: Path) -> bool:
    """Whether a file holds all masks, also where they overlap, with names: `.seg.nrrd` or DICOM."""
    return is_seg_nrrd(path) or is_dicom_file(path)


def _inside(folder: Path) -> Path:
    if (found := segmentation_in(folder)) is None:
        raise InputError(f"holds no {' or '.join(SEGMENTATIONS)}", source=folder, remedy="give the folder of a case")
    return found
