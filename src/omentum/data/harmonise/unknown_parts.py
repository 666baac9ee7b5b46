"""Find structures that are possibly incomplete because of voxels with an unknown label.

Some datasets mark lesions without naming the organ and exclude them from the organ they lie in. Treated as background,
they would teach the network that a liver has holes. Rule: a structure in contact (26-neighbourhood) with such a voxel
may be incomplete, so it counts as not annotated in this case. This also discards some complete neighbours; losing a
case costs little, while a wrong boundary is learned. A lesion type is in doubt if any of its hosts is in doubt or was
not annotated, because the unknown lesion may be of that type.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from omentum.anatomy import STRUCTURES
from omentum.boxes import bounding_box, grown
from omentum.data.harmonise.label_bits import UNKNOWN, LabelBits

_ALL_NEIGHBOURS = np.ones((3, 3, 3), bool)


def perhaps_incomplete(marks: LabelBits, annotated: frozenset[str]) -> frozenset[str]:
    """Subset of `annotated` with an unknown extent because of voxels marked `UNKNOWN`."""
    unknown = marks.mask((UNKNOWN,))
    if not unknown.any():
        return frozenset()
    box = grown(bounding_box(unknown), (1, 1, 1), marks.numbers.shape)
    near = ndimage.binary_dilation(unknown[box], _ALL_NEIGHBOURS)
    seen = (marks.combinations[number] for number in np.unique(marks.numbers[box][near]))
    touched = annotated & frozenset[str]().union(*seen)
    return in_doubt(touched, annotated)


def in_doubt(touched: frozenset[str], annotated: frozenset[str]) -> frozenset[str]:
    """Structures that do not count as annotated, given the structures in contact with an unknown voxel."""
    return touched | {key for key in annotated if _may_be(key, annotated - touched)}


def _may_be(key: str, settled: frozenset[str]) -> bool:
    """Whether an unknown lesion can be of this type: not if all its possible hosts are known to be complete."""
    return STRUCTURES[key].is_lesion and not settled.issuperset(STRUCTURES[key].hosts)
