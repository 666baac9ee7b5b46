"""The slow, obvious version of `omentum.infer`: every window added to a sum of the whole volume."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def blended_logits(image: Tensor, predict, patch: tuple[int, int, int], overlap: float = 0.5) -> Tensor:
    """Logits (K, X, Y, Z) of an image (X, Y, Z), the definition written down one window at a time."""
    shape = np.array(image.shape)
    missing = np.maximum(np.array(patch) - shape, 0)
    before = missing // 2
    padded = torch.zeros(*(shape + missing).tolist())
    inner = tuple(slice(b, b + n) for b, n in zip(before, shape, strict=True))
    padded[inner] = image

    centre = (np.array(patch) - 1) / 2
    index = np.indices(patch).reshape(3, *patch)
    distance = sum(((index[a] - centre[a]) / (0.125 * patch[a])) ** 2 for a in range(3))
    weight = torch.from_numpy(np.maximum(np.exp(-distance / 2), 1e-3))

    sums, total = None, torch.zeros(padded.shape, dtype=torch.float64)
    step = [max(int(p * (1 - overlap)), 1) for p in patch]
    windows = {
        tuple(int(min(i, n - p)) for i, n, p in zip(corner, padded.shape, patch, strict=True))
        for corner in np.ndindex(*(-(-n // s) for n, s in zip(padded.shape, step, strict=True)))
        for corner in [tuple(c * s for c, s in zip(corner, step, strict=True))]
    }
    for corner in sorted(windows):
        where = tuple(slice(c, c + p) for c, p in zip(corner, patch, strict=True))
        logits = predict(padded[where][None, None])[0].double()
        sums = torch.zeros(logits.shape[0], *padded.shape, dtype=torch.float64) if sums is None else sums
        sums[(slice(None), *where)] += logits * weight
        total[where] += weight
    return (sums / total)[(slice(None), *inner)].float()
