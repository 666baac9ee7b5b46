"""How often each dataset and each structure is shown: shares from the numbers of cases, before any voxel is read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 60
"""Of fitting; each halves what is left to do, or better."""


def dataset_shares(cases: NDArray[np.float64], weights: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Share of patches from each dataset: weight times cases^(1 / temperature).

    With temperature 1 every case is seen equally often, with infinity every dataset. (The same rule balances languages:
    Conneau et al., *Unsupervised Cross-lingual Representation Learning at Scale*, ACL 2020.)

    Args:
        cases: [D] numbers of cases, at least 1.
        weights: [D], not all 0.
        temperature: Above 0, may be infinite.
    """
    shares = weights * cases ** (1 / temperature)
    return np.asarray(shares / shares.sum())


def structure_shares(
    having: NDArray[np.float64], datasets: NDArray[np.float64], weights: NDArray[np.float64], temperature: float
) -> NDArray[np.float64]:
    """Of the patches centred on a structure, the share of each dataset with each structure.

    A structure should come up in proportion to its weight times its number of cases^(1 / temperature) over all
    datasets; but many datasets show only liver and liver tumour. So rows keep the datasets' shares exactly, and columns
    are drawn half-way (in logarithms) to what is wanted: iterative proportional fitting with a soft side (unbalanced
    scaling, Chizat et al., Mathematics of Computation 2018), which has one solution whatever is impossible.

    Args:
        having: [D, K], cases of a dataset that have a voxel of a structure.
        datasets: [D], shares of the datasets.
        weights: [K], how much more often a structure should be shown than its cases alone say.
        temperature: Above 0, may be infinite.

    Returns:
        [D, K]; a row sums to its dataset's share, or to 0 where the dataset has no structure at all.
    """
    shares = np.where(having > 0, np.maximum(having, 1) ** (1 / temperature), 0.0) * weights
    wanted = weights * np.where(having.any(0), np.maximum(having.sum(0), 1) ** (1 / temperature), 0.0)
    rows = np.where(having.any(1), datasets, 0.0)
    wanted *= _ratio(rows.sum(), wanted.sum())
    seed = shares.copy()
    pull = np.ones(len(wanted))
    for _ in range(ROUNDS):
        shares = seed * pull
        shares *= _ratio(rows, shares.sum(1))[:, None]
        # Half-way: the column's factor is the root of what would fit it to the wish.
        pull = np.sqrt(pull * _ratio(wanted, shares.sum(0)))
    return shares


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotient `above / below`, 0 where both are 0."""
    return np.asarray(np.divide(above, below, out=np.zeros_like(np.asarray(below, float)), where=np.asarray(below) > 0))
