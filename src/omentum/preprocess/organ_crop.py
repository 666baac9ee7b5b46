"""Preprocessing for a network that looks inside an organ: HU relative to the organ's median, and its mask."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from omentum.axis_order import axis_order
from omentum.boxes import Box, bounding_box, box_of
from omentum.components import component_sizes, connected_components, select_components
from omentum.preprocess.grid import Undo, positions_on
from omentum.preprocess.intensity import window
from omentum.preprocess.prepare import Prepared
from omentum.preprocess.resample import antialias_sigma, resample
from omentum.spec import PreprocessSpec
from omentum.volume import PADDING_HU, Grid, Volume

SMALLEST_PART = 0.05
"""Pieces of an organ with less than this share of its largest piece are taken for errors."""
SMALLEST_ORGAN_ML = 1.0
"""An organ of which less was found is not looked at: its median would be that of something else."""
REACH = 5
"""Voxels of the CT beyond a box that blur and interpolation may need, in SD of the blur (or voxels)."""


def without_crumbs(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask without the pieces that are small beside its largest; see `SMALLEST_PART`."""
    kept, box = np.zeros_like(mask), bounding_box(mask)
    labels = connected_components(mask[box])
    sizes = component_sizes(labels)
    sizes[0] = 0  # background
    kept[box] = select_components(labels, (sizes > 0) & (sizes >= SMALLEST_PART * sizes.max()))
    return kept


def joined(masks: Iterable[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Organs that share a box as one mask, each `without_crumbs`."""
    whole: NDArray[np.bool_] = np.logical_or.reduce([without_crumbs(mask) for mask in masks])
    return whole


def box_around(mask: NDArray[np.bool_], margin: int, least: tuple[int, int, int]) -> Box:
    """Box around a mask with a margin, and at least so many voxels along each axis where the array has them."""
    low, high = [], []
    for axis, (length, wanted) in enumerate(zip(mask.shape, least, strict=True)):
        hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        first, last = int(hit[0]) - margin, int(hit[-1]) + 1 + margin
        more = max(0, wanted - (last - first))
        first, last = first - more // 2, last + more - more // 2
        first, last = first - max(0, last - length), last - min(0, first)
        low.append(max(0, first))
        high.append(min(length, last))
    return box_of(low, high)


def neighbourhood(mask: NDArray[np.bool_], margin_mm: float, spacing_mm: tuple[float, ...]) -> NDArray[np.bool_]:
    """A mask grown by about `margin_mm`, in steps of one voxel to the six neighbours."""
    steps = round(margin_mm / min(spacing_mm))
    return ndimage.binary_dilation(mask, iterations=steps) if steps else mask


def surroundings(mask: NDArray[np.bool_], margin_mm: float, spec: PreprocessSpec) -> tuple[Box, NDArray[np.bool_]]:
    """Where an organ is looked at: a box around it, and bool [x, y, z] of the box, its `neighbourhood`."""
    margin = round(margin_mm / min(spec.spacing_mm))
    box = box_around(mask, margin, spec.patch)
    return box, neighbourhood(mask[box], margin_mm, spec.spacing_mm)


def organ_crop(
    ct: Volume,
    inside: NDArray[np.bool_],
    whole: Grid,
    box: Box,
    spec: PreprocessSpec,
    median_above_hu: float = -math.inf,
) -> Prepared:
    """Crop a CT around an organ.

    Args:
        ct: HU, upright.
        inside: The organ in the box, bool [x, y, z].
        whole: The grid of the network over all of the CT; see `model_grid`.
        box: Part of it.
        spec: Its `window_hu` is relative to the median in the organ.
        median_above_hu: See `omentum.spec.RegionSpec`.

    Returns:
        float32 [1, 2, x, y, z]: HU relative to the organ's median in -1..1; the mask, 0 or 1.
    """
    relative = relative_hu(ct, inside, whole, box, spec, median_above_hu)
    undo = Undo(ct.grid, axis_order(ct.grid, spec.orientation), whole, box)
    return Prepared(organ_tensor(relative, torch.from_numpy(np.ascontiguousarray(inside)), spec)[None], undo)


def organ_tensor(relative: Tensor, inside: Tensor, spec: PreprocessSpec) -> Tensor:
    """Input of the network, float32 [2, x, y, z], from relative HU and the organ's mask, both [x, y, z]."""
    return torch.stack([window(relative, spec.window_hu) * 2 - 1, inside.float()])


def relative_hu(
    ct: Volume,
    inside: NDArray[np.bool_],
    whole: Grid,
    box: Box,
    spec: PreprocessSpec,
    median_above_hu: float = -math.inf,
) -> Tensor:
    """HU relative to the organ's median, float32 on the voxels of a box; for the arguments see `organ_crop`."""
    order = axis_order(ct.grid, spec.orientation)
    source = order.grid(ct.grid)
    ratios = [new / old for new, old in zip(whole.spacing_mm, source.spacing_mm, strict=True)]
    x, y, z = (antialias_sigma(ratio) if spec.antialias else 0.0 for ratio in ratios)
    at, needed = [], []
    for positions, there, sigma, length in zip(positions_on(whole, source), box, (x, y, z), source.shape, strict=True):
        some, reach = positions[there], REACH * max(1.0, sigma)
        low = min(max(0, int(some[0] - reach)), length - 1)
        needed.append(slice(low, max(low + 1, min(length, int(some[-1] + reach) + 2))))
        at.append(some - low)
    hu = resample(order.view(ct.voxels)[tuple(needed)], (at[0], at[1], at[2]), (x, y, z), PADDING_HU)
    values = hu.numpy()[inside]
    counted = values[values > median_above_hu]
    return hu - float(np.median(counted if len(counted) else values))
