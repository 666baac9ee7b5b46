"""Preprocessing of a CT to the input tensor of a model, with its inverse."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.axis_order import axis_order
from omentum.boxes import bounding_box
from omentum.preprocess.grid import Undo, model_grid, positions_on
from omentum.preprocess.intensity import window
from omentum.preprocess.resample import antialias_sigma, resample
from omentum.preprocess.upright import upright
from omentum.sparse import sparse_zeros
from omentum.spec import PreprocessSpec
from omentum.volume import PADDING_HU, Volume


@dataclass(frozen=True, eq=False)
class Prepared:
    """Input of a model, and the inverse transform of its output.

    Args:
        tensor: float32 [1, 1, x, y, z] in 0..1 on the grid `undo.model`.
        undo: Geometry from there to the CT grid.
    """

    tensor: Tensor
    undo: Undo


def prepare(volume: Volume, spec: PreprocessSpec) -> Prepared:
    """Resample a CT to the model grid, window it, and crop it to voxels above the lower end of the window.

    The order is that of the published model (resampled HU are windowed, not the reverse).

    Args:
        volume: A CT in HU, finite (see `omentum.io.sanity.check_ct`).
        spec: Preprocessing specification from the checkpoint.
    """
    ct = on_model_grid(volume, spec)
    box = bounding_box(ct.voxels > spec.window_hu[0])
    tensor = _windowed(ct.voxels[box], spec)
    undo = Undo(volume.grid, axis_order(volume.grid, spec.orientation), ct.grid, box)
    return Prepared(tensor[None, None], undo)


def prepare_upright(volume: Volume, spec: PreprocessSpec) -> Prepared:
    """Like `prepare`, but an oblique body is first resampled upright; see `omentum.preprocess.upright`."""
    standing = upright(volume, spec)
    prepared = prepare(standing, spec)
    if standing is volume:
        return prepared
    return replace(prepared, undo=replace(prepared.undo, oblique=volume.grid))


def _windowed(hu: NDArray[np.float32], spec: PreprocessSpec) -> Tensor:
    """Apply `window`; surrounding air is 0 and uses no memory."""
    out = sparse_zeros(hu.shape, np.float32)
    for plane, there in zip(torch.from_numpy(hu), out, strict=True):
        seen = window(plane, spec.window_hu).numpy()
        np.copyto(there, seen, where=seen != 0)
    return torch.from_numpy(out)


def on_model_grid(volume: Volume, spec: PreprocessSpec) -> Volume:
    """CT in float32 HU on the uncropped model grid; padding is raised to air first so that borders do not darken."""
    order, target = axis_order(volume.grid, spec.orientation), model_grid(volume.grid, spec)
    source = order.grid(volume.grid)
    x, y, z = (
        antialias_sigma(new / old) if spec.antialias else 0.0
        for new, old in zip(target.spacing_mm, source.spacing_mm, strict=True)
    )
    hu = resample(order.view(np.asarray(volume.voxels)), positions_on(target, source), (x, y, z), PADDING_HU)
    return Volume(hu.numpy(), target.affine)
