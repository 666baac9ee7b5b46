"""Visible part of each structure in a label map, where overlapping structures share one number per voxel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from omentum.anatomy import STRUCTURES
from omentum.anatomy.numbering import Numbering
from omentum.formatting import volume
from omentum.measure.measures import StructureMeasure
from omentum.volume import Grid

REPORTED_SHARE = 0.01
"""Minimum hidden share of a structure that is reported."""


def with_label_map(
    measures: Sequence[StructureMeasure],
    grid: Grid,
    shared: Mapping[frozenset[str], int],
    numbering: Numbering | None = None,
) -> list[StructureMeasure]:
    """Add to each measure how many voxels of the structure the label map shows.

    Its other voxels are overwritten by a later structure, or have no label value.

    Args:
        measures: Measures of a segmentation.
        grid: Grid of the segmentation.
        shared: Its overlaps, see `omentum.segmentation.overlaps`.
        numbering: Label values of a dataset; those of the template by default. If several structures share a value,
            each counts its own voxels with that value.
    """
    rule = _in_template if numbering is None else partial(_in_numbering, numbering)
    found = []
    for m in measures:
        of_key = {keys: n for keys, n in shared.items() if m.key in keys}
        alone = (m.voxels - sum(of_key.values())) * rule(frozenset([m.key]), m.key)
        shown = alone + sum(n for keys, n in of_key.items() if rule(keys, m.key))
        found.append(replace(m, label_map_voxels=shown, label_map_volume_ml=shown * grid.voxel_volume_ml))
    return found


def _in_template(keys: frozenset[str], key: str) -> bool:
    return key == max(keys, key=lambda one: STRUCTURES[one].paint_order)


def _in_numbering(numbering: Numbering, keys: frozenset[str], key: str) -> bool:
    drawn = [s for s in numbering.entries if keys & {*s.structures, *s.also} and (not s.within or keys & {*s.within})]
    return bool(drawn) and any(s.value == drawn[-1].value and key in s.structures for s in numbering.entries)


def hidden_line(measures: Sequence[StructureMeasure], file: str) -> str | None:
    """One line naming structures that the label map shows only in part; None if there are none.

    Args:
        measures: Measures from `with_label_map`.
        file: File name of the label map.
    """
    less = [
        f"{m.display} {volume(m.volume_ml)}, there {volume(m.label_map_volume_ml)}"
        for m in measures
        if m.label_map_voxels is not None
        and m.label_map_volume_ml is not None
        and m.voxels - m.label_map_voxels > REPORTED_SHARE * m.voxels
    ]
    if not less:
        return None
    return f"One number a voxel: what overlaps is painted over in {file}, so counting it gives less: {'; '.join(less)}."
