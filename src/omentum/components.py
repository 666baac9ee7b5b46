"""Connected components of a mask."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray


def connected_components(mask: NDArray[np.bool_]) -> NDArray[np.unsignedinteger]:
    """Label the connected components of a mask (26-connectivity).

    cc3d 4.1.1 reserves memory for one label per eight voxels and fails on small masks with more components than that
    (single voxels two apart in a box of three). A border of empty voxels provides the room.

    Args:
        mask: bool [x, y, z].

    Returns:
        Labels from 1, 0 for background, shape of the mask, in the smallest unsigned dtype that holds them.
    """
    labels, n = cc3d.connected_components(np.pad(mask, 1), connectivity=26, return_N=True)
    return labels[1:-1, 1:-1, 1:-1].astype(np.min_scalar_type(n), order="C")


def component_sizes(labels: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
    """Count the voxels with each label, from 0 to the highest one.

    Counted plane by plane: `numpy.bincount` of the whole array would first make eight bytes of every label.
    """
    counts = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
    for plane in labels:
        here = np.bincount(plane.ravel())
        counts[: len(here)] += here
    return counts


def select_components(labels: NDArray[np.unsignedinteger], wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mask of the labels selected by `wanted`; plane by plane, as in `component_sizes`.

    Args:
        labels: From `connected_components`.
        wanted: bool, one entry per label.
    """
    mask = np.empty(labels.shape, np.bool_)
    for plane, here in zip(labels, mask, strict=True):
        np.take(wanted, plane, out=here)
    return mask
