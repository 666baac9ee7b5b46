"""What of each structure a label map shows: it has one number a voxel, and structures overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.anatomy.numbering import Numbering
from omentum.report.measures import StructureMeasure
from omentum.report.words import volume
from omentum.segmentation import Segmentation

TOLD_SHARE = 0.01
"""A structure that loses less to others than this is not worth a line."""


def label_map_voxels(seg: Segmentation, numbering: Numbering | None = None) -> dict[str, int]:
    """Voxels of each structure that its label map shows as this structure; the others are given to what is painted
    later, or have no number.

    Args:
        seg: The masks.
        numbering: A dataset's numbers; the template's by default. Where several structures share a number, each keeps
            those of its own voxels that have it.
    """
    return _shown_in_template(seg) if numbering is None else _shown_in(seg, numbering)


def with_label_map(
    measures: Sequence[StructureMeasure], shown: Mapping[str, int], voxel_ml: float
) -> list[StructureMeasure]:
    """The same measures, with what the label map shows of each structure.

    Args:
        measures: Of a segmentation.
        shown: Its `label_map_voxels`.
        voxel_ml: Volume of a voxel.
    """
    counts = {m.key: shown.get(m.key, 0) for m in measures}
    return [replace(m, label_map_voxels=counts[m.key], label_map_volume_ml=counts[m.key] * voxel_ml) for m in measures]


def hidden_line(measures: Sequence[StructureMeasure], file: str) -> str | None:
    """One line about structures that the label map shows less of than was measured; None where there is none.

    Args:
        measures: See `with_label_map`.
        file: What the label map is called.
    """
    less = [
        f"{m.display} {volume(m.volume_ml)}, there {volume(m.label_map_volume_ml)}"
        for m in measures
        if m.label_map_voxels is not None
        and m.label_map_volume_ml is not None
        and m.voxels - m.label_map_voxels > TOLD_SHARE * m.voxels
    ]
    if not less:
        return None
    return f"One number a voxel: what overlaps is painted over in {file}, so counting it gives less: {'; '.join(less)}."


def _shown_in_template(seg: Segmentation) -> dict[str, int]:
    boxes, shown = seg.boxes(), {}
    order = sorted(boxes, key=lambda key: STRUCTURES[key].paint_order)
    for n, key in enumerate(order):
        over = seg.any_of(order[n + 1 :], boxes[key])
        shown[key] = int(np.count_nonzero(seg.mask(key, boxes[key]) & ~over))
    return shown


def _shown_in(seg: Segmentation, numbering: Numbering) -> dict[str, int]:
    values: Mapping[str, list[int]] = {
        key: [s.value for s in numbering.strokes if key in s.structures] for key in seg.classes
    }
    labels = seg.numbered(numbering)
    return {
        key: int(np.count_nonzero(np.isin(labels[box], values[key]) & seg.mask(key, box)))
        for key, box in seg.boxes().items()
    }
