"""Class locations: sampled voxels of a structure on which patches can be centred."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from omentum.components import connected_components


def sample_locations(
    rng: np.random.Generator, places: NDArray[np.int64], shape: Sequence[int], most: int, *, each_piece: bool
) -> NDArray[np.int16]:
    """Sample voxels of a mask, int16 [n, 3].

    Args:
        rng: Random generator.
        places: Flat voxel indices of the mask in the scan, ascending, at least one.
        shape: Shape of the scan.
        most: Maximum number of voxels (at least one per connected component if `each_piece`).
        each_piece: Sample equally many voxels from each connected component, repeating voxels of small ones, so that
            each of twenty metastases beside one large tumour is shown as often as the tumour. Otherwise all voxels are
            equally likely.
    """
    if each_piece:
        drawn = _of_each_piece(rng, places, shape, most)
    else:
        drawn = np.sort(rng.choice(places, min(len(places), most), replace=False, shuffle=False))
    return np.stack(np.unravel_index(drawn, shape), axis=1).astype(np.int16)


def _of_each_piece(
    rng: np.random.Generator, places: NDArray[np.int64], shape: Sequence[int], most: int
) -> NDArray[np.int64]:
    voxels = np.stack(np.unravel_index(places, shape), axis=1)
    corner = voxels.min(0)
    mask = np.zeros(voxels.max(0) - corner + 1, np.bool_)
    mask[tuple((voxels - corner).T)] = True
    number = connected_components(mask)[tuple((voxels - corner).T)]
    by_piece = np.split(places[np.argsort(number, kind="stable")], np.cumsum(np.bincount(number)[1:])[:-1])
    share = min(max(1, most // len(by_piece)), max(map(len, by_piece)))
    return np.concatenate([_drawn(rng, piece, share) for piece in by_piece])


def _drawn(rng: np.random.Generator, piece: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Sample voxels of one component: without repetition if there are enough, else each about equally often."""
    if len(piece) >= number:
        return np.sort(rng.choice(piece, number, replace=False, shuffle=False))
    return np.sort(np.resize(rng.permutation(piece), number))
