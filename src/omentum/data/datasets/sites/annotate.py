"""What an annotator of a site writes for a known anatomy: the way from structures to a dataset's own numbers.

Recipes go the other way. Nothing here reads one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from omentum.data.datasets.sites.table import Mask, Site
from omentum.segmentation import Segmentation

THIRDS = ("lower", "middle", "upper")
_TOUCHING = np.ones((3, 3, 3), bool)


def native_map(truth: Segmentation, site: Site, id_: str) -> NDArray[np.uint8]:
    """One value a voxel, [i, j, k] on the truth's grid; a later stroke hides an earlier one.

    Where only some structures were looked for in a case, the others are not drawn.
    """
    wanted = site.annotated.get(id_)
    native = np.zeros(truth.shape, np.uint8)
    for stroke in site.paint:
        for key in stroke.structures:
            if wanted is None or key in wanted:
                native[truth.mask(key)] = stroke.value
    return native


def beside_unnamed(truth: Segmentation, site: Site, id_: str) -> frozenset[str]:
    """Structures drawn right beside (26 neighbours) a lesion that could be theirs: where they end is not known."""
    native = native_map(truth, site, id_)
    unnamed = np.isin(native, [value for value in site.unnamed if isinstance(value, int)])
    met = set(np.unique(native[ndimage.binary_dilation(unnamed, _TOUCHING)]).tolist()) - site.unnamed
    return frozenset(key for stroke in site.paint if stroke.value in met for key in stroke.structures)


def native_masks(truth: Segmentation, site: Site) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """(name, mask) of every mask a site ships for a case; the truth is in RAS+ order.

    Where a site has no file for what a patient lacks, there is none.
    """
    for row in site.masks:
        mask = _drawn(truth, row)
        if "{piece" in row.name:
            pieces, count = ndimage.label(mask, _TOUCHING)
            yield from ((row.name.format(piece=n), pieces == n) for n in range(1, count + 1))
        elif site.empty_masks or mask.any():
            yield row.name, mask


def _drawn(truth: Segmentation, row: Mask) -> NDArray[np.bool_]:
    mask = np.zeros(truth.shape, bool)
    for key in row.structures:
        mask |= truth.mask(key)
    if row.within is not None:
        mask &= truth.mask(row.within)
    if row.without is not None:
        mask &= ~truth.mask(row.without)
    filled = np.flatnonzero(mask.any(axis=(0, 1)))
    for third, slices in zip(THIRDS, np.array_split(filled, 3), strict=True):
        if third not in row.third:
            mask[:, :, slices] = False
    return mask
