"""Probabilities on the CT's own grid the obvious way: the whole CT in one piece, every class everywhere."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from omentum.preprocess.prepare import Prepared


def probabilities_on_ct(model: torch.nn.Module, prepared: Prepared) -> dict[str, NDArray[np.float64]]:
    """float64 by key, on the CT's grid; for a model that sees each voxel alone. 0 outside the model grid."""
    with torch.inference_mode():
        logits = model(prepared.tensor)[0].double().numpy()
    out = {}
    for key, values in zip(model.spec.class_keys, logits, strict=True):
        inside = np.ones(prepared.undo.oriented.shape, bool)
        for axis, positions in enumerate(prepared.undo.positions):
            n = values.shape[axis]
            at = positions.clip(0, n - 1)
            low = np.floor(at).astype(int)
            high, shape = np.minimum(low + 1, n - 1), [1, 1, 1]
            shape[axis] = -1
            weight = (at - low).reshape(shape)
            values = values.take(low, axis) * (1 - weight) + values.take(high, axis) * weight
            inside &= ((positions >= -0.5 - 1e-6) & (positions <= n - 0.5 + 1e-6)).reshape(shape)
        native = np.zeros(prepared.undo.native.shape)
        prepared.undo.oriented_view(native)[...] = np.where(inside, 1 / (1 + np.exp(-values)), 0)
        out[key] = native
    return out
