"""Add lesions and vessels to their host organs, which a label map with one value per voxel cannot express."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import sole_host
from omentum.segmentation import BITS_PER_PLANE, Bits, Segmentation

Mask = NDArray[np.bool_]
_ALL_NEIGHBOURS = np.ones((3, 3, 3), bool)


def with_hosts(segmentation: Segmentation) -> Segmentation:
    """Add the voxels of each lesion (and hosted vessel) to its host.

    With one host in the table, that host gets them. With several (left and right kidney), each connected lesion goes to
    the host that is nearest on average; an empty host is never chosen, and an exact tie is left undecided. Hosts that
    are no class of the segmentation are not added.
    """
    bits = segmentation.bits.copy()
    for key in segmentation.classes:
        hosts = [host for host in STRUCTURES[key].hosts if host in segmentation.classes]
        if not hosts:
            continue
        if sole_host(key):
            _add(bits, segmentation.classes.index(hosts[0]), ..., segmentation.mask(key))
        else:
            _share_out(segmentation, key, hosts, bits)
    return Segmentation(bits, segmentation.affine, segmentation.classes, segmentation.annotated, segmentation.header)


def _share_out(segmentation: Segmentation, key: str, hosts: list[str], bits: Bits) -> None:
    labels, _ = ndimage.label(segmentation.mask(key), _ALL_NEIGHBOURS)
    boxes = ndimage.find_objects(labels)
    spacing_mm = segmentation.grid.spacing_mm
    present = segmentation.present()
    trees = {h: _surface_tree(segmentation.mask(h), spacing_mm) for h in hosts if boxes and h in present}
    for number, box in enumerate(boxes, start=1):
        lesion = labels[box] == number
        points = (np.argwhere(lesion) + [s.start for s in box]) * spacing_mm
        mean_mm = sorted((float(tree.query(points)[0].mean()), host) for host, tree in trees.items())
        if len(mean_mm) == 1 or (mean_mm and mean_mm[0][0] < mean_mm[1][0]):
            _add(bits, segmentation.classes.index(mean_mm[0][1]), box, lesion)


def _add(bits: Bits, k: int, box: Any, mask: Mask) -> None:
    bits[k // BITS_PER_PLANE][box][mask] |= bits.dtype.type(1 << (k % BITS_PER_PLANE))


def _surface_tree(mask: Mask, spacing_mm: tuple[float, ...]) -> cKDTree:
    """k-d tree of the surface voxels of a mask; from outside, the nearest voxel is always one of these."""
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    surface = mask[box] & ~ndimage.binary_erosion(mask[box])
    return cKDTree((np.argwhere(surface) + [s.start for s in box]) * spacing_mm)
