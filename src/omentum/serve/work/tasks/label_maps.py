"""Label maps for viewers that go by the order of the values."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.anatomy.numbering import Numbering, NumberingEntry
from omentum.io.nifti import write_labelmap
from omentum.io.seg_nrrd.label_map import write_nrrd_labels
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.result_files import MASKS
from omentum.segmentation import Segmentation
from omentum.serve.work.child import TaskContext
from omentum.serve.work.tasks.versions import corrected_masks


def write_dense_labels(context: TaskContext, results: Path, corrections: Path | None, place: Path) -> dict[str, int]:
    """Write a label map whose values are 1 to N without gaps.

    Args:
        context: Unused.
        results: Results of a job.
        corrections: Its corrections, whose newest versions replace the prediction; None leaves the prediction as it is.
        place: `.nrrd` or `.nii.gz`.

    Returns:
        Key of each structure that has a voxel in the label map -> its value. Where structures overlap, lesions paint
        over vessels and vessels over organs; what is painted over altogether has no value.

    Raises:
        OmentumError: the results cannot be read, or the file cannot be written.
    """
    seg = read_seg_nrrd(results / MASKS)
    if corrections is not None and (newer := corrected_masks(corrections, seg.grid)):
        seg = Segmentation.from_masks({**seg.masks(), **newer}, seg.affine)
    shown = set(np.unique(seg.labelmap()).tolist())
    keys = [key for key in seg.classes if STRUCTURES[key].index in shown]
    values = {key: number for number, key in enumerate(keys, 1)}
    in_order = sorted(keys, key=lambda key: STRUCTURES[key].paint_order)
    dense = Numbering("dense", tuple(NumberingEntry(values[key], (key,)) for key in in_order))
    seg = seg.subset(keys)
    if place.name.endswith(".nrrd"):
        write_nrrd_labels(place, seg, dense)
    else:
        write_labelmap(place, seg, dense)
    return values
