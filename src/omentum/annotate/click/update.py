"""The logit of a structure after clicks: Gaussian process regression with the network's logit as the prior mean.

A click says that the logit at its place is at least `TARGET` inside and at most `-TARGET` outside. What it says about
another voxel falls with the distance and with the difference of the network's features (a product of two squared
exponential kernels), so that a click spreads over similar voxels nearby and changes nothing elsewhere (Rasmussen and
Williams, Gaussian Processes for Machine Learning, 2006, section 2.2; for clicks: Zhou et al., CVPR 2023).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

TARGET = 2.0
"""Logit that a click asks for: a probability of 0.88, or 0.12."""
SUREST = 2.0
"""The network's logits are limited to this, so that one click can overrule it."""
UNEDITED = 0.25
"""The least logit of what the mask says already, with its sign: masks may have been cleaned or corrected before."""
NOISE = 1e-3
REACH = 3.0
"""Beyond so many lengths of the kernel a click changes nothing."""

Floats = NDArray[np.floating[Any]]


def prior(logits: Floats, mask: NDArray[np.bool_]) -> Floats:
    """The logit before the clicks: the network's, limited, with the sign of the present mask."""
    limited = np.clip(logits, -SUREST, SUREST)
    found: Floats = np.where(mask, np.maximum(limited, UNEDITED), np.minimum(limited, -UNEDITED))
    return found


def kernel(places: Floats, features: Floats, others: Floats, other_features: Floats, length_mm: float) -> Floats:
    """Similarity of voxels, [n, m].

    Args:
        places: [n, 3], in mm.
        features: [n, c].
        others: [m, 3], in mm.
        other_features: [m, c].
        length_mm: Length of the spatial kernel.
    """
    far = ((places[:, None] - others[None]) ** 2).sum(-1) / length_mm**2
    unlike = ((features[:, None] - other_features[None]) ** 2).mean(-1)
    found: Floats = np.where(far <= REACH**2, np.exp(-(far + unlike) / 2), 0.0)
    return found


def weights_of_clicks(similarity: Floats, before: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Weights of the kernels of the clicks, so that their places get the logits they ask for.

    Args:
        similarity: Kernel between the clicks, [n, n].
        before: Prior logits at the clicks, [n].
        inside: Kind of each click.
    """
    missing = np.where(inside, np.maximum(0, TARGET - before), np.minimum(0, -TARGET - before))
    found: Floats = np.linalg.solve(similarity + NOISE * np.eye(len(before)), missing)
    return found
