"""Lesions known to be absent in a patient: annotated and empty, although there is no mask."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.segmentation import BITS_PER_PLANE, Segmentation, no_bits


def known_absent(truth: Segmentation, keys: Iterable[str]) -> Segmentation:
    """The reference with additional structures marked as annotated and empty.

    Args:
        truth: Reference of a case.
        keys: Structures without voxels in it; unannotated ones and missing classes are added.

    Raises:
        ValueError: one of them has a voxel.
    """
    wanted = frozenset(keys)
    assert truth.annotated is not None
    if drawn := wanted & truth.present():
        raise ValueError(f"{', '.join(sorted(drawn))} is drawn")
    if not wanted - truth.annotated:
        return truth
    classes = (*truth.classes, *(key for key in STRUCTURES.keys if key in wanted - {*truth.classes}))
    bits = no_bits(len(classes), truth.shape)
    bits = bits if bits.dtype == truth.bits.dtype else np.zeros(bits.shape, np.uint64)
    for plane in range(-(-len(truth.classes) // BITS_PER_PLANE)):
        bits[plane] = truth.bits[plane]
    return Segmentation(bits, truth.affine, classes, truth.annotated | wanted, truth.header)
