"""What a voxel of an unknown structure leaves in doubt.

Some datasets mark lesions without saying of which organ, and take them out of the organ they lie in. Read as background
they would teach that a liver has holes. The rule: a structure that such a voxel touches (26 neighbours) may lack it, so
in this case the whole structure is not annotated. Neighbours of the lesion that are whole lose a case, too; a case
costs little, a wrong border teaches something. A lesion type is in doubt with any of its hosts, and wherever one of its
hosts was not looked for: the unknown lesion may be one of its kind.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from omentum.anatomy import STRUCTURES
from omentum.boxes import bounding_box, grown
from omentum.data.harmonise.label_bits import UNKNOWN, LabelBits

_ALL_NEIGHBOURS = np.ones((3, 3, 3), bool)


def perhaps_incomplete(marks: LabelBits, annotated: frozenset[str]) -> frozenset[str]:
    """Those of `annotated` whose true extent is not known, because of voxels marked `UNKNOWN`."""
    unknown = marks.mask((UNKNOWN,))
    if not unknown.any():
        return frozenset()
    box = grown(bounding_box(unknown), (1, 1, 1), marks.numbers.shape)
    near = ndimage.binary_dilation(unknown[box], _ALL_NEIGHBOURS)
    seen = (marks.combinations[number] for number in np.unique(marks.numbers[box][near]))
    touched = annotated & frozenset[str]().union(*seen)
    return in_doubt(touched, annotated)


def in_doubt(touched: frozenset[str], annotated: frozenset[str]) -> frozenset[str]:
    """What is not annotated after all, given what a voxel of an unknown structure touches."""
    return touched | {key for key in annotated if _may_be(key, annotated - touched)}


def _may_be(key: str, settled: frozenset[str]) -> bool:
    """Whether an unknown lesion can be of this type: not where it can only live in what is settled to be whole."""
    return STRUCTURES[key].is_lesion and not settled.issuperset(STRUCTURES[key].hosts)
