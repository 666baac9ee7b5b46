"""Sampling shares of datasets and structures, computed from case counts before any voxel is read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 60
"""Of fitting; each halves what is left to do, or better."""


def dataset_shares(cases: NDArray[np.float64], weights: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Share of patches from each dataset: weight times cases^(1 / temperature), normalised.

    Temperature 1 shows every case equally often, infinity every dataset equally often. (The same rule balances
    languages in Conneau et al., *Unsupervised Cross-lingual Representation Learning at Scale*, ACL 2020.)

    Args:
        cases: [D] number of cases per dataset, at least 1.
        weights: [D], not all 0.
        temperature: Above 0; may be infinite.
    """
    shares = weights * cases ** (1 / temperature)
    return np.asarray(shares / shares.sum())


def structure_shares(
    having: NDArray[np.float64], datasets: NDArray[np.float64], weights: NDArray[np.float64], temperature: float
) -> NDArray[np.float64]:
    """Joint share of each dataset and structure among the patches centred on a structure.

    A structure should occur in proportion to its weight times its number of cases^(1 / temperature) over all datasets,
    but many datasets contain only liver and liver tumour. Row sums therefore match the dataset shares exactly, while
    column sums move halfway (in log space) to their targets. This is iterative proportional fitting with a soft
    marginal (unbalanced scaling, Chizat et al., Mathematics of Computation 2018), which always has a unique solution.

    Args:
        having: [D, K], number of cases of a dataset with a voxel of a structure.
        datasets: [D], dataset shares.
        weights: [K], factor by which a structure is shown more often than its number of cases implies.
        temperature: Above 0; may be infinite.

    Returns:
        [D, K]; each row sums to its dataset's share, or to 0 if the dataset has no structure.
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
        # Halfway in log space: the square root of the factor that would match the target exactly.
        pull = np.sqrt(pull * _ratio(wanted, shares.sum(0)))
    return shares


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """`above / below`, and 0 where both are 0."""
    return np.asarray(np.divide(above, below, out=np.zeros_like(np.asarray(below, float)), where=np.asarray(below) > 0))
