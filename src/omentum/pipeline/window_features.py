"""What a network makes of one window of a CT: the logits of a structure and the features of each voxel, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from omentum.model import UniversalModel
from omentum.model.feature_network import FeatureNetwork, class_logits
from omentum.pipeline.thresholds import logit
from omentum.preprocess.prepare import Prepared

LARGEST_WINDOW = 64
"""Voxels of the model grid along each axis; more cost time and say little about one place."""


@dataclass(frozen=True, eq=False)
class WindowFeatures:
    """One window.

    Args:
        logits: float32 [x, y, z], positive above the threshold of the structure.
        features: float32 [c, x, y, z], each channel with mean 0 and variance 1 over the window.
        affine: 4x4, voxel index of the window -> RAS mm.
    """

    logits: NDArray[np.float32]
    features: NDArray[np.float32]
    affine: NDArray[np.float64]


@torch.inference_mode()
def window_features(
    model: UniversalModel, prepared: Prepared, structure: str, centre_mm: Sequence[float]
) -> WindowFeatures:
    """Run a network on the window around a place.

    Args:
        model: In evaluation mode, on the CPU.
        prepared: The CT on the model's grid.
        structure: Key of one of its classes.
        centre_mm: Place in RAS mm; the window is moved into the CT where it would stick out.
    """
    grid, spec = prepared.undo.model, model.spec
    size = [min(LARGEST_WINDOW, n) for n in spec.preprocess.patch]
    middle = np.linalg.solve(grid.affine[:3, :3], np.asarray(centre_mm) - grid.affine[:3, 3])
    room = [max(0, n - w) for n, w in zip(grid.shape, size, strict=True)]
    corner = [min(max(0, round(float(m)) - w // 2), r) for m, w, r in zip(middle, size, room, strict=True)]
    part = prepared.tensor[0, 0][tuple(slice(c, c + w) for c, w in zip(corner, size, strict=True))]
    shape = part.shape
    x = torch.zeros(1, 1, *size)
    x[0, 0, : shape[0], : shape[1], : shape[2]] = part
    channel = spec.class_keys.index(structure)
    threshold = spec.classes[channel].threshold  # that of this network, where a second pass has its own
    seen: list[torch.Tensor] = [x[0]]
    if isinstance(model, UniversalModel):
        found = FeatureNetwork(model, [channel])(x)
        logits = class_logits(model, [channel])(*found)[0, 0]
        seen.append(found[1][0])
    else:  # a model without a head of its own
        logits = model(x, [channel])[0, 0]
    kept = tuple(slice(n) for n in shape)
    features = torch.cat([one.float() for one in seen])[:, *kept].numpy()
    flat = features.reshape(len(features), -1)
    mean, std = (of(flat, axis=1)[:, None, None, None] for of in (np.mean, np.std))
    corner_mm = grid.to_world(corner)
    affine = np.array(grid.affine)
    affine[:3, 3] = corner_mm
    above = logits[kept].float().numpy() - logit(threshold)
    return WindowFeatures(
        above.astype(np.float32), ((features - mean) / np.maximum(std, 1e-6)).astype(np.float32), affine
    )
