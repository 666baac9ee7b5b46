"""Convert known anatomy to the label values a dataset's annotators would have written.

This is the opposite direction to recipes and is independent of them.
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
    """Native label map uint8 [i, j, k] on the grid of the truth; later labels overwrite earlier ones.

    Where only some structures were annotated in a case, the others are omitted.
    """
    wanted = site.annotated.get(id_)
    native = np.zeros(truth.shape, np.uint8)
    for stroke in site.paint:
        for key in stroke.structures:
            if wanted is None or key in wanted:
                native[truth.mask(key)] = stroke.value
    return native


def beside_unnamed(truth: Segmentation, site: Site, id_: str) -> frozenset[str]:
    """Structures of unknown extent: they touch (26-neighbourhood) a lesion that could belong to them."""
    native = native_map(truth, site, id_)
    unnamed = np.isin(native, [value for value in site.unnamed if isinstance(value, int)])
    met = set(np.unique(native[ndimage.binary_dilation(unnamed, _TOUCHING)]).tolist()) - site.unnamed
    return frozenset(key for stroke in site.paint if stroke.value in met for key in stroke.structures)


def native_masks(truth: Segmentation, site: Site) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield (name, mask) for every mask that a site ships for a case; the truth is in RAS+ order.

    If a site ships no file for absent structures, none is yielded.
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
